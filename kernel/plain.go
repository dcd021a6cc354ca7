package kernel

import (
	"fmt"
	goruntime "runtime"
	"sync"
	"sync/atomic"

	"alexctl/fault"
)

// plain is the Set in Go.
type plain[T Float] struct {
	workers workers
	shared  *shared[T]
}

// Plain returns the kernels in Go, computing on a pool. The same size of it gives the
// same bits.
func Plain[T Float](p Pool) Set[T] { return plain[T]{workers{p}, newShared[T](workers{p})} }

// Pool returns what the kernels compute on.
func (p plain[T]) Pool() Pool { return p.workers.Pool }

// Name returns "plain" with what multiplies matrices: "plain-avx512".
func (p plain[T]) Name() string { return "plain-" + multiplier() }

// Arithmetic returns that of Winograd's filtering, by which batches of any size may be computed.
func (p plain[T]) Arithmetic(int) Arithmetic { return WinogradArithmetic() }

// Plan prepares any operator of this package.
func (p plain[T]) Plan(s Spec) (Plan[T], error) {
	if err := Check(s); err != nil {
		return nil, err
	}
	switch s := s.(type) {
	case Conv:
		return newConv[T](s, p.workers, p.shared), nil
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
	case Elementwise:
		return newElementwise[T](s, p.workers), nil
	case ClampGradient:
		return &clampGradient[T]{s, p.workers}, nil
	case Sum:
		return &sumOf[T]{s, p.workers}, nil
	case Concat:
		return &concat[T]{s, p.workers}, nil
	case Cut:
		return &cut[T]{s, p.workers}, nil
	case LayerNorm:
		return newLayerNorm[T](s, p.workers), nil
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

// processors is how many processors the program had when it started: a pool that runs
// goroutines on threads of its own lets more of them run at once.
var processors = goruntime.GOMAXPROCS(0)

// Processors returns how many processors the program may use.
func Processors() int { return processors }

// Goroutines is the Pool of so many goroutines.
type Goroutines int

// Size returns the number, at least 1.
func (g Goroutines) Size() int { return max(1, int(g)) }

// Run calls f for each part on a goroutine of its own. A panic in one is Run's.
func (g Goroutines) Run(n int, f func(worker, lo, hi int)) {
	parts := min(g.Size(), n)
	if parts <= 1 {
		if n > 0 {
			f(0, 0, n)
		}
		return
	}
	var wg sync.WaitGroup
	var panicked atomic.Pointer[fault.Panic]
	for i := 1; i < parts; i++ {
		wg.Go(func() {
			if p := fault.Catch(func() { f(i, i*n/parts, (i+1)*n/parts) }); p != nil {
				panicked.Store(p)
			}
		})
	}
	p := fault.Catch(func() { f(0, 0, n/parts) })
	wg.Wait()
	if p == nil {
		p = panicked.Load()
	}
	if p != nil {
		panic(p)
	}
}

// Do calls f: any goroutine will do.
func (Goroutines) Do(f func()) { f() }

// workers is the pool of a plan.
type workers struct{ Pool }

func (k workers) run(n int, f func(worker, lo, hi int)) { k.Run(n, f) }

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
