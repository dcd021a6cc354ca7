//go:build !unix

package main

import "os"

// supervise does nothing: the work is done in this process.
func supervise([]string) (code int, done bool) { return 0, false }

// worker is this process.
type worker struct{ errors *os.File }

func asWorker() worker { return worker{os.Stderr} }

func (worker) end(int) {}
