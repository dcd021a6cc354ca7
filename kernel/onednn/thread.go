//go:build onednn && cgo

package onednn

// #cgo CXXFLAGS: -O3 -std=c++17 -fopenmp
// #include "shim.h"
import "C"

import (
	goruntime "runtime"
	"sync"
	"sync/atomic"

	"alexctl/fault"
	"alexctl/kernel"
)

// thread is the operating system's thread that makes every call into oneDNN: OpenMP
// keeps a team of threads for each thread that calls it.
type thread struct {
	mu   sync.Mutex
	work chan func()
	done chan *fault.Panic // of the work, or nil

	// What runs in parallel at the moment.
	part     func(i int)
	panicked atomic.Pointer[fault.Panic] // what one of the parts panicked with
}

// spare is how many goroutines may run beside those on OpenMP's threads. With none, steps
// were measured to take 6% longer.
const spare = 2

// one is that thread: there is one OpenMP in a process, so there is one of it.
var one = sync.OnceValue(func() *thread {
	// OpenMP's threads run Go code too, and may do so while goroutines, such as a loader's,
	// run beside them: each needs one of the places that Go has for as many processors.
	goruntime.GOMAXPROCS(max(goruntime.GOMAXPROCS(0), kernel.Processors()+spare))
	t := &thread{work: make(chan func()), done: make(chan *fault.Panic)}
	go func() {
		goruntime.LockOSThread()
		C.od_enter()
		for f := range t.work {
			t.done <- fault.Catch(f)
		}
	}()
	return t
})

// do runs f on the thread, with so many threads for what it calls. What f does there
// itself costs no way to the thread and back.
func (t *thread) do(threads int, f func()) {
	if C.od_here() != 0 {
		C.od_threads(C.int(threads))
		f()
		return
	}
	t.mu.Lock()
	t.work <- func() {
		C.od_threads(C.int(threads))
		f()
	}
	p := <-t.done
	t.mu.Unlock()
	if p != nil {
		panic(p)
	}
}

// pool runs Go code on oneDNN's own threads: while they wait for work they spin, and
// goroutines beside them would have to share the processor with that.
type pool int

// Size returns the number of threads.
func (p pool) Size() int { return int(p) }

// Do runs f on the thread that makes all calls.
func (p pool) Do(f func()) { one().do(int(p), f) }

// Run calls f for contiguous parts of 0 to n, each on a thread.
func (p pool) Run(n int, f func(worker, lo, hi int)) {
	parts := min(int(p), n)
	if parts <= 1 {
		if n > 0 {
			f(0, 0, n)
		}
		return
	}
	t := one()
	t.do(int(p), func() {
		t.part = func(i int) { f(i, i*n/parts, (i+1)*n/parts) }
		C.od_parallel(C.int(parts))
		t.part = nil
		if p := t.panicked.Swap(nil); p != nil {
			panic(p)
		}
	})
}

//export alexctl_onednn_part
func alexctl_onednn_part(i C.int) { //nolint:revive // a name for C
	t := one()
	if p := fault.Catch(func() { t.part(int(i)) }); p != nil {
		t.panicked.Store(p)
	}
}
