package cmd

import (
	"fmt"
	"math"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"alexctl/internal/machine"
	"alexctl/preprocess"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/reference"
)

// unknownMemory is taken for the machine's where the system does not say.
const unknownMemory = 8 << 30

// leastMemory is what the program itself needs.
const leastMemory = 64 << 20

// byteSize is a flag for a number of bytes: 512MiB, 2GB, 1.5g or 1073741824.
type byteSize int64

var units = []struct {
	name  string
	bytes float64
}{
	{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"tib", 1 << 40}, {"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"tb", 1e12},
	{"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {"t", 1 << 40}, {"b", 1},
}

func (s *byteSize) String() string {
	if *s == 0 {
		return ""
	}
	return fmt.Sprintf("%dMiB", int64(*s)>>20)
}

func (*byteSize) Type() string { return "size" }

func (s *byteSize) Set(text string) error {
	number, unit := strings.ToLower(strings.TrimSpace(text)), 1.0
	for _, u := range units {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if n := v * unit; err != nil || !(n >= leastMemory) || n > math.MaxInt64/2 {
		return fmt.Errorf("want at least 64MiB, as 512MiB, 4GiB or a number of bytes")
	}
	*s = byteSize(v * unit)
	return nil
}

// memory is how many bytes a command may take: as --max-memory says, or three quarters of what
// this process may use of the machine.
func (a *app) memory() int64 {
	if a.maxMemory > 0 {
		return int64(a.maxMemory)
	}
	n := machine.Memory()
	if n == 0 {
		n = unknownMemory
	}
	return max(n/4*3, leastMemory)
}

// within is the limit of an engine that has one of its own.
func (a *app) within(own int64) int64 {
	if a.maxMemory > 0 {
		return int64(a.maxMemory)
	}
	return min(own, a.memory())
}

// useMemory tells Go's collector of the limit: it works harder when the limit is near.
func (a *app) useMemory() { debug.SetMemoryLimit(a.memory()) }

func (a *app) kernels(set, precision string, threads int) gorgonia.Kernels {
	return gorgonia.Kernels{Set: set, Precision: precision, Threads: threads, Memory: a.within(gorgonia.DefaultMemory)}
}

func (a *app) reference(threads int) reference.Engine {
	return reference.Engine{Threads: threads, Memory: a.within(reference.DefaultMemory)}
}

// pixelsFlag registers --max-pixels.
func pixelsFlag(f *pflag.FlagSet, millions *float64) {
	f.Float64Var(millions, "max-pixels", 0, "the largest image that is decoded, in millions of pixels (default: as many as fit 1280 MiB, or half of the memory; larger JPEGs are decoded to a smaller size where libjpeg-turbo is installed)")
}

// sayOnce returns what says each note once, from any goroutine.
func (a *app) sayOnce() func(what string) {
	var mu sync.Mutex
	said := map[string]bool{}
	return func(what string) {
		mu.Lock()
		defer mu.Unlock()
		if !said[what] {
			said[what] = true
			a.say("note: %s", what)
		}
	}
}

// imageLimits are those of images that are decoded at once, the given number of millions of
// pixels at most; 0 is as many as fit.
func (a *app) imageLimits(millions float64) (preprocess.Limits, error) {
	const most = 10_000
	if !(millions >= 0 && millions <= most) {
		return preprocess.Limits{}, usage("--max-pixels %g: want up to %d million", millions, most)
	}
	bytes := min(preprocess.MaxBytes, a.memory()/2)
	return preprocess.Limits{Pixels: int(millions * 1e6), Bytes: bytes, Room: preprocess.NewRoom(bytes), Reduced: a.sayOnce()}, nil
}
