package kernel

import (
	"fmt"
	"sync"
)

// plain is the Set in Go.
type plain[T Float] struct{ workers workers }

// Plain returns the kernels in Go, computing with the given number of goroutines.
// The same number gives the same bits.
func Plain[T Float](threads int) Set[T] {
	return plain[T]{workers: workers(max(1, threads))}
}

// Name returns "plain" with what multiplies matrices: "plain-avx512".
func (p plain[T]) Name() string { return "plain-" + multiplier() }

// Plan prepares any operator of this package.
func (p plain[T]) Plan(s Spec) (Plan[T], error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if err := checkSizes(s); err != nil {
		return nil, err
	}
	switch s := s.(type) {
	case Conv:
		return newConv[T](s, p.workers), nil
	case Dense:
		return newDense[T](s, p.workers), nil
	case MatMul:
		return newMatMul[T](s, p.workers), nil
	case MaxPool:
		return newMaxPool[T](s, p.workers), nil
	case AveragePool:
		return newAveragePool[T](s, p.workers), nil
	case LRN:
		return newLRN[T](s, p.workers), nil
	case BatchNorm:
		return newBatchNorm[T](s, p.workers), nil
	case Unary:
		return newUnary[T](s, p.workers), nil
	case Binary:
		return newBinary[T](s, p.workers), nil
	case Dropout:
		return &dropout[T]{s, p.workers}, nil
	case Softmax:
		return &softmax[T]{s, p.workers}, nil
	case CrossEntropy:
		return newCrossEntropy[T](s, p.workers), nil
	case Move:
		return &move[T]{s, p.workers}, nil
	case Layout:
		return &layout[T]{s, p.workers}, nil
	case Mean:
		return &mean[T]{Mean: s}, nil
	}
	return nil, fmt.Errorf("no kernel for %T", s)
}

// workers is how many goroutines compute at once.
type workers int

// Parallel splits 0 to n into one contiguous part for each of a number of goroutines
// and calls f for all of them at once. The parts depend only on n and that number, so
// that sums are taken in the same order every time.
func Parallel(goroutines, n int, f func(worker, lo, hi int)) {
	parts := min(goroutines, n)
	if parts <= 1 {
		if n > 0 {
			f(0, 0, n)
		}
		return
	}
	var wg sync.WaitGroup
	for i := 1; i < parts; i++ {
		wg.Go(func() { f(i, i*n/parts, (i+1)*n/parts) })
	}
	f(0, 0, n/parts)
	wg.Wait()
}

func (k workers) run(n int, f func(worker, lo, hi int)) { Parallel(int(k), n, f) }

// small is how many elements are not worth a second goroutine.
const small = 1 << 12

// elements is run for work that is the same for each of n elements.
func (k workers) elements(n int, f func(lo, hi int)) {
	if n < small {
		f(0, n)
		return
	}
	k.run(n, func(_, lo, hi int) { f(lo, hi) })
}
