// Command make writes the sample: the first 200 training and 50 test images of each
// class of Fashion-MNIST, in the order of the dataset, and a test image that is not
// among them as a PNG.
//
//	go run ./testdata/sample/make FOLDER-OF-FASHION-MNIST testdata/sample
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"image"
	"image/png"
	"io"
	"log"
	"os"
	"path/filepath"
)

const side = 28

func main() {
	if len(os.Args) != 3 {
		log.Fatal("want the folder of Fashion-MNIST and the folder to write to")
	}
	from, to := os.Args[1], os.Args[2]
	write(from, to, "train", 200)
	write(from, to, "t10k", 50)
	images, labels := read(from, "t10k")
	for i := len(labels) - 1; i >= 0; i-- { // far behind those of the sample
		if labels[i] == 9 {
			g := &image.Gray{Pix: images[i*side*side:][:side*side], Stride: side, Rect: image.Rect(0, 0, side, side)}
			var b bytes.Buffer
			check(png.Encode(&b, g))
			check(os.WriteFile(filepath.Join(to, "ankle-boot.png"), b.Bytes(), 0o644))
			return
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func unzip(name string) []byte {
	f, err := os.Open(name)
	check(err)
	z, err := gzip.NewReader(f)
	check(err)
	b, err := io.ReadAll(z)
	check(err)
	return b
}

func read(dir, part string) (images, labels []byte) {
	return unzip(filepath.Join(dir, part+"-images-idx3-ubyte.gz"))[16:], unzip(filepath.Join(dir, part+"-labels-idx1-ubyte.gz"))[8:]
}

func write(from, to, part string, each int) {
	images, labels := read(from, part)
	var pix, lab []byte
	count := map[byte]int{}
	for i, l := range labels {
		if count[l]++; count[l] <= each {
			pix, lab = append(pix, images[i*side*side:][:side*side]...), append(lab, l)
		}
	}
	n := uint32(len(lab))
	zip(filepath.Join(to, part+"-images-idx3-ubyte.gz"), []uint32{0x803, n, side, side}, pix)
	zip(filepath.Join(to, part+"-labels-idx1-ubyte.gz"), []uint32{0x801, n}, lab)
}

func zip(name string, header []uint32, content []byte) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	check(err)
	check(binary.Write(z, binary.BigEndian, header))
	_, err = z.Write(content)
	check(err)
	check(z.Close())
	check(os.WriteFile(name, b.Bytes(), 0o644))
}
