package preprocess

import (
	"image"
	"image/color"
	"sync"

	"alexctl/fault"
)

// Limits on image files, checked before anything of their size is allocated.
const (
	// MaxFileBytes is the largest file that is read.
	MaxFileBytes = 128 << 20
	// MaxPixels is the largest image that is made by resizing: 8192x8192.
	MaxPixels = 1 << 26
	// MaxBytes is what the decoding of an image may take: a photograph of 108 million pixels
	// as a JPEG takes 460 MiB, and 1080 MiB where it is progressive.
	MaxBytes = 1280 << 20
)

// Limits bound what decoding takes. The zero value is MaxBytes for each image, however many are
// decoded at once.
type Limits struct {
	Pixels int   // of an image; 0 for as many as the bytes allow
	Bytes  int64 // that decoding an image takes; 0 is MaxBytes
	// Reduced, where not nil, is told of an image that is decoded to a smaller size than its own,
	// which only a JPEG can be. It may be called from several goroutines at once.
	Reduced func(what string)
	// Room, where not nil, is shared by images that are decoded at once: they wait for each other.
	Room *Room
}

// Room is memory for images that are decoded at once.
type Room struct {
	mu    sync.Mutex
	freed *sync.Cond
	size  int64
	taken int64
}

// NewRoom returns room for so many bytes. An image that takes more is decoded alone.
func NewRoom(bytes int64) *Room {
	r := &Room{size: bytes}
	r.freed = sync.NewCond(&r.mu)
	return r
}

// take waits for so many bytes and returns what gives them back.
func (r *Room) take(n int64) (giveBack func()) {
	if r == nil {
		return func() {}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.taken > 0 && r.taken+n > r.size {
		r.freed.Wait()
	}
	r.taken += n
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.taken -= n
		r.freed.Broadcast()
	}
}

// most is how many bytes an image may take.
func (l Limits) most() int64 {
	most := l.Bytes
	if most == 0 {
		most = MaxBytes
	}
	if l.Pixels > 0 { // who allows them knows what they take
		most = max(most, 32*int64(l.Pixels))
	}
	return most
}

// tooMany reports an image of more pixels than are allowed.
func (l Limits) tooMany(c image.Config) bool { return l.Pixels > 0 && c.Width > l.Pixels/c.Height }

// check refuses an image that takes more than is allowed, and returns what it takes.
func (l Limits) check(f format, b []byte, c image.Config) (int64, error) {
	if l.tooMany(c) {
		return 0, fault.New(fault.Invalid, "%s image of %dx%d, at most %g million pixels are decoded", f.name, c.Width, c.Height, float64(l.Pixels)/1e6).
			Hint(fault.Hint{Text: "allow more", Option: fault.MaxPixels, Value: "MILLIONS"})
	}
	most := l.most()
	each := f.bytesOf(b, c.ColorModel)
	pixels := float64(c.Width) * float64(c.Height)
	if each*pixels > float64(most) {
		return 0, fault.New(fault.Invalid, "%s image of %dx%d takes %.0f MiB to decode, at most %d are allowed", f.name, c.Width, c.Height, each*pixels/(1<<20), most>>20).
			Hint(fault.Hint{Text: "make it smaller, or allow images of that size", Option: fault.MaxPixels, Value: "MILLIONS"})
	}
	return int64(each * pixels), nil
}

// bytesOf is what a pixel takes: decoded, and as an Image.
func (f format) bytesOf(b []byte, m color.Model) float64 {
	if f.name == "JPEG" {
		return frameOf(b).bytes()
	}
	switch m {
	case color.GrayModel:
		return 1 + 1
	case color.Gray16Model:
		return 2 + 1
	case color.YCbCrModel, color.NYCbCrAModel:
		return 4 + 3
	case color.RGBA64Model, color.NRGBA64Model:
		return 8 + 3
	}
	if _, palette := m.(color.Palette); palette {
		return 1 + 3
	}
	return 4 + 3
}
