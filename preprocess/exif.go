package preprocess

import (
	"bytes"
	"encoding/binary"
)

// exifOfJPEG returns the TIFF structure in the APP1 segment, or nil.
func exifOfJPEG(b []byte) []byte {
	for at := 2; at+4 <= len(b) && b[at] == 0xff; {
		if b[at+1] == 0xff { // a marker may be filled up in front
			at++
			continue
		}
		marker, length := b[at+1], int(binary.BigEndian.Uint16(b[at+2:]))
		if marker == 0xda || length < 2 || at+2+length > len(b) { // the image begins, or the file is broken
			return nil
		}
		segment := b[at+4 : at+2+length]
		if rest, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00")); ok && marker == 0xe1 {
			return rest
		}
		at += 2 + length
	}
	return nil
}

// exifOfPNG returns the eXIf chunk, or nil.
func exifOfPNG(b []byte) []byte {
	for at := 8; at+12 <= len(b); {
		length := int(binary.BigEndian.Uint32(b[at:]))
		if length < 0 || length > len(b)-at-12 {
			return nil
		}
		if string(b[at+4:at+8]) == "eXIf" {
			return b[at+8 : at+8+length]
		}
		at += 12 + length
	}
	return nil
}

// exifOfWebP returns the EXIF chunk, or nil.
func exifOfWebP(b []byte) []byte {
	for at := 12; at+8 <= len(b); {
		length := int(binary.LittleEndian.Uint32(b[at+4:]))
		if length < 0 || length > len(b)-at-8 {
			return nil
		}
		if string(b[at:at+4]) == "EXIF" {
			data := b[at+8 : at+8+length]
			return bytes.TrimPrefix(data, []byte("Exif\x00\x00"))
		}
		at += 8 + length + length%2
	}
	return nil
}

// orientation returns tag 274 of the first directory of a TIFF structure, 1 to 8;
// 1, upright, where there is none.
func orientation(b []byte) int {
	if len(b) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	if b[0] == 'M' {
		order = binary.BigEndian
	}
	at := int(order.Uint32(b[4:]))
	if at < 8 || at > len(b)-2 {
		return 1
	}
	entries := int(order.Uint16(b[at:]))
	for i := range entries {
		e := at + 2 + 12*i
		if e+12 > len(b) {
			break
		}
		if order.Uint16(b[e:]) != 274 {
			continue
		}
		v := 0
		switch order.Uint16(b[e+2:]) { // SHORT, by the standard; some writers take another type
		case 1, 6, 7: // BYTE, SBYTE, UNDEFINED
			v = int(b[e+8])
		case 3, 8: // SHORT, SSHORT
			v = int(order.Uint16(b[e+8:]))
		case 4, 9: // LONG, SLONG
			v = int(order.Uint32(b[e+8:]))
		}
		if v >= 1 && v <= 8 {
			return v
		}
	}
	return 1
}

// orient returns the image turned upright from an EXIF orientation.
func (m *Image) orient(o int) *Image {
	if o == 1 {
		return m
	}
	out := &Image{Width: m.Width, Height: m.Height, Channels: m.Channels, Pix: make([]uint8, len(m.Pix))}
	if o >= 5 { // the axes are swapped
		out.Width, out.Height = m.Height, m.Width
	}
	for y := range out.Height {
		for x := range out.Width {
			sx, sy := x, y
			if o >= 5 {
				sx, sy = y, x
			}
			// 2, 3, 7 and 8 mirror the stored columns, 3, 4, 6 and 7 the stored rows.
			if o == 2 || o == 3 || o == 7 || o == 8 {
				sx = m.Width - 1 - sx
			}
			if o == 3 || o == 4 || o == 6 || o == 7 {
				sy = m.Height - 1 - sy
			}
			copy(out.Pix[(y*out.Width+x)*m.Channels:][:m.Channels], m.Pix[(sy*m.Width+sx)*m.Channels:])
		}
	}
	return out
}
