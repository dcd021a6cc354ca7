package reference

import (
	"context"
	goruntime "runtime"
	"sync"
	"sync/atomic"

	"alexctl/kernel/vector"
)

// workers runs loops in parallel.
type workers struct{ n int }

func newWorkers(n int) workers {
	if n <= 0 {
		n = goruntime.GOMAXPROCS(0)
	}
	return workers{n}
}

// each calls f for every job from 0 to count-1, a few at once, each with a scratch
// space that only one call uses at a time. It stops at the first error or when the
// context ends.
func (w workers) each(ctx context.Context, count int, f func(job int, scratch *scratch) error) error {
	var next atomic.Int64
	var once sync.Once
	var first error
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range min(w.n, count) {
		wg.Go(func() {
			s := &scratch{}
			for {
				job := int(next.Add(1)) - 1
				if job >= count || ctx.Err() != nil {
					return
				}
				if err := f(job, s); err != nil {
					once.Do(func() { first = err })
					cancel()
					return
				}
			}
		})
	}
	wg.Wait()
	if first != nil {
		return first
	}
	return ctx.Err()
}

// scratch holds buffers that are reused from job to job.
type scratch struct {
	buf     []float64
	columns [depth * vector.Columns]float64
	tallies []tally
}

func (s *scratch) floats(n int) []float64 {
	if cap(s.buf) < n {
		s.buf = make([]float64, n)
	}
	return s.buf[:n]
}

// block returns room for depth rows of columns. What is in it is not defined, but finite
// unless the operands are not: unused columns are computed and dropped.
func (s *scratch) block() []float64 { return s.columns[:] }

// clear returns n tallies of nothing.
func (s *scratch) clear(n int) []tally {
	if cap(s.tallies) < n {
		s.tallies = make([]tally, n)
	}
	clear(s.tallies[:n])
	return s.tallies[:n]
}

// guarded turns a panic in a job into an error, because a panic in a goroutine
// would end the program.
func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = panicError{r}
		}
	}()
	return f()
}
