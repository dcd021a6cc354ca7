package main

import (
	"context"
	"errors"
	"fmt"
	"math"

	"alexctl/onnx"
	"alexctl/runtime"
)

// filled is an engine that computes larger batches than it is given: the images are
// repeated until the batch is full, and the results of the first ones are returned. So the
// kernels for large batches are verified on as many images as the reference has time for.
type filled struct {
	engine interface {
		runtime.Engine
		runtime.Approximate
		Provider() string
		Settings() string
	}
	batch int
}

func (e filled) Name() string                      { return e.engine.Name() }
func (e filled) Provider() string                  { return e.engine.Provider() }
func (e filled) Settings() string                  { return e.engine.Settings() }
func (e filled) Check(ctx context.Context) error   { return e.engine.Check(ctx) }
func (e filled) Arithmetic(int) runtime.Arithmetic { return e.engine.Arithmetic(e.batch) }

func (e filled) Prepare(ctx context.Context, m *onnx.Model) (runtime.Session, error) {
	s, err := e.engine.Prepare(ctx, m)
	if err != nil {
		return nil, err
	}
	return &filledSession{s, e.batch, e.Arithmetic(0).Operand}, nil
}

type filledSession struct {
	runtime.Session
	batch   int
	operand float64 // unit roundoff of what is multiplied, 0 where nothing is cut
}

// Placement is that of the session inside.
func (s *filledSession) Placement() (*runtime.Placement, error) {
	p, ok := s.Session.(runtime.Placer)
	if !ok {
		return nil, errors.New("the engine keeps no record")
	}
	return p.Placement()
}

func (s *filledSession) Run(ctx context.Context, in runtime.Tensors) (runtime.Tensors, error) {
	full, n := runtime.Tensors{}, 0
	for name, t := range in {
		x, ok := t.Data.([]float32)
		if !ok || len(t.Shape) == 0 {
			return nil, fmt.Errorf("input %q is %s", name, t)
		}
		n = t.Shape[0]
		size := len(x) / n
		data := make([]float32, 0, s.batch*size)
		for i := range s.batch {
			data = append(data, x[i%n*size:(i%n+1)*size]...)
		}
		full[name] = &runtime.Tensor{Type: t.Type, Shape: append([]int{s.batch}, t.Shape[1:]...), Data: data}
	}
	out, err := s.Session.Run(ctx, full)
	if err != nil {
		return nil, err
	}
	for name, t := range out {
		if x, ok := t.Data.([]float32); ok && len(t.Shape) > 0 && t.Shape[0] == s.batch {
			if err := repeats(x, s.batch, n, s.operand); err != nil {
				return nil, fmt.Errorf("output %q: %w", name, err)
			}
			out[name] = &runtime.Tensor{Type: t.Type, Shape: append([]int{n}, t.Shape[1:]...), Data: x[:len(x)/s.batch*n]}
		}
	}
	return out, nil
}

// repeatTolerance is how far the results of equal images in one batch may be apart, by the
// largest of them: they may be summed in another order, at another place of a tile. Where
// operands are cut, such a difference may send one to its other neighbour: operandSteps of the
// unit roundoff are allowed for it (1.06 was the most that TF32 showed, in a network of eight
// layers).
const (
	repeatTolerance = 1e-5
	operandSteps    = 4
)

// repeats holds the images that fill the batch to those that they repeat.
func repeats(x []float32, batch, n int, operand float64) error {
	size := len(x) / batch
	scale := 0.0
	for _, v := range x[:n*size] {
		scale = max(scale, math.Abs(float64(v)))
	}
	for i := n * size; i < len(x); i++ {
		if d := math.Abs(float64(x[i]) - float64(x[i%(n*size)])); !(d <= (repeatTolerance+operandSteps*operand)*scale) {
			return fmt.Errorf("image %d of the batch differs by %g from image %d, which it repeats", i/size, d, i/size%n)
		}
	}
	return nil
}
