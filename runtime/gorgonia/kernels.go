package gorgonia

import (
	"slices"
	"strings"

	"alexctl/fault"
	"alexctl/kernel"
	"alexctl/kernel/onednn"
	"alexctl/runtime"
)

// Kernels says what computes the operators.
type Kernels struct {
	// Set is "plain", "onednn", or "" for the faster one of those that are there.
	Set string
	// Precision is "float32", for which "" stands too, or "bf16": the operands of
	// convolutions of 16 channels or more, and of dense layers where there is AMX, rounded
	// to bfloat16, with sums, weights and everything else in float32. It takes oneDNN and a
	// processor that has it.
	Precision string
	// Threads is how many compute at once; 0 means one a processor.
	Threads int
	// Memory bounds the bytes of a graph's values, which are counted before any is made; 0 is
	// DefaultMemory.
	Memory int64
}

// Names of what Kernels chooses from.
var (
	KernelSets = []string{"plain", "onednn"}
	Precisions = []string{string(onednn.Float32), string(onednn.BFloat16)}
)

// Valid reports names that do not exist or do not go together, as fault.Usage.
func (k Kernels) Valid() error {
	switch {
	case k.Set != "" && !slices.Contains(KernelSets, k.Set):
		return fault.New(fault.Usage, "unknown kernels %q: want %s", k.Set, strings.Join(KernelSets, " or "))
	case k.Precision != "" && !slices.Contains(Precisions, k.Precision):
		return fault.New(fault.Usage, "unknown precision %q: want %s", k.Precision, strings.Join(Precisions, " or "))
	case k.Set == "plain" && k.Precision == string(onednn.BFloat16):
		return fault.New(fault.Usage, "precision %s takes the kernels onednn, not plain", k.Precision)
	}
	return nil
}

// open returns the kernels in float32.
func (k Kernels) open() (kernel.Set[float32], error) {
	if err := k.Valid(); err != nil {
		return nil, err
	}
	n := k.Threads
	if n <= 0 {
		n = kernel.Processors()
	}
	plain := func() kernel.Set[float32] { return kernel.Plain[float32](kernel.Goroutines(n)) }
	if k.Set == "plain" {
		return plain(), nil
	}
	precision := onednn.Float32
	if k.Precision == string(onednn.BFloat16) {
		precision = onednn.BFloat16
	}
	s, err := onednn.New(n, precision)
	switch {
	case err == nil:
		return s, nil
	case precision != onednn.Float32:
		return nil, &runtime.UnavailableError{Engine: "precision " + k.Precision, Reason: err.Error()}
	case k.Set == "":
		return plain(), nil
	}
	return nil, &runtime.UnavailableError{Engine: "kernels onednn", Reason: err.Error()}
}

// Name returns what computes: "onednn-3.2.0" or "plain-avx512".
func (k Kernels) Name() (string, error) {
	s, err := k.open()
	if err != nil {
		return "", err
	}
	return s.Name(), nil
}

// Peak measures how many floating-point operations a second they reach, as kernel.Peak.
func Peak(k Kernels) (float64, error) {
	s, err := k.open()
	if err != nil {
		return 0, err
	}
	return kernel.Peak(s)
}

// Rate measures how many they reach on a convolution of 3x3, as kernel.Rate.
func Rate(k Kernels) (float64, error) {
	s, err := k.open()
	if err != nil {
		return 0, err
	}
	return kernel.Rate(s, 3)
}

// FasterKernels says how to get faster kernels than those that are there, or returns "".
func FasterKernels() string {
	if _, err := onednn.New(1, onednn.Float32); err != nil {
		return err.Error()
	}
	return ""
}

// openKernels returns the kernels in T. Float64, which is there to check others, is
// computed in Go.
func openKernels[T kernel.Float](k Kernels) (kernel.Set[T], error) {
	s, err := k.open()
	if err != nil {
		return nil, err
	}
	if t, ok := s.(kernel.Set[T]); ok {
		return t, nil
	}
	return kernel.Plain[T](kernel.Goroutines(s.Pool().Size())), nil
}

// Slower returns at which part of the rate of float32 a convolution of 3x3 runs in bfloat16,
// where that was asked for and is slower here, or 0: not every processor that has it gains by
// it.
func Slower(k Kernels) (float64, error) {
	if k.Precision != string(onednn.BFloat16) {
		return 0, nil
	}
	low, err := Rate(k)
	if err != nil {
		return 0, err
	}
	k.Precision = string(onednn.Float32)
	full, err := Rate(k)
	if err != nil || low >= full {
		return 0, err
	}
	return low / full, nil
}
