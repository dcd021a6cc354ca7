package data

import (
	"context"
	"errors"
	"runtime"
	"sync"

	"alexctl/fault"
)

// ImageError says which file of a folder of images could not be read.
type ImageError struct {
	File string
	Err  error
}

func (e *ImageError) Error() string { return e.File + ": " + e.Err.Error() + " (remove or replace it)" }

// Unwrap returns what is wrong with the file.
func (e *ImageError) Unwrap() error { return e.Err }

// Broken reads every image and returns what is wrong with those that cannot be read, in their
// order. progress, which may be nil, is told of each image. An error is that of the context.
func Broken(ctx context.Context, d Dataset, progress func(n int)) ([]error, error) {
	found := make([]error, d.Len())
	next, workers := make(chan int), runtime.GOMAXPROCS(0)
	var group sync.WaitGroup
	var told sync.Mutex
	for range workers {
		group.Go(func() {
			for i := range next {
				func() {
					defer fault.Recover(&found[i])
					_, found[i] = d.Image(i)
				}()
				if progress != nil {
					told.Lock()
					progress(1)
					told.Unlock()
				}
			}
		})
	}
	for i := 0; i < len(found) && ctx.Err() == nil; i++ {
		next <- i
	}
	close(next)
	group.Wait()
	var list []error
	for _, err := range found {
		if err != nil {
			list = append(list, err)
		}
	}
	return list, ctx.Err()
}

// IsImage reports whether an error is that of an image file.
func IsImage(err error) bool {
	var broken *ImageError
	return errors.As(err, &broken)
}
