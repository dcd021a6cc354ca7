package gorgonia

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"alexctl/kernel"
	"alexctl/onnx/op"
	"alexctl/runtime"
)

// A large batch of a network that does little work for each number that it moves, such as MobileNet,
// is computed a few images at a time: what one layer writes is still in the cache when the next one
// reads it, and takes a fraction of the memory.
const (
	chunkable     = 8        // images, below which a batch stays whole
	chunkMemory   = 12 << 20 // of the values of a chunk: a part of the cache that processors share
	chunkIntense  = 120      // products for each number, above which nothing is won
	smallestChunk = 2
)

// chunk returns how many images of a batch are computed at a time, 0 for all of them. A model that does
// not take fewer images is run as it is.
func (s *session) chunk(inputs runtime.Tensors) int {
	batch := 0
	for _, v := range s.model.Graph.DataInputs() {
		t := inputs[v.Name]
		if t == nil || len(t.Shape) < 2 || v.Type.Shape == nil || len(*v.Type.Shape) == 0 || (*v.Type.Shape)[0].IsKnown() || batch > 0 && t.Shape[0] != batch {
			return 0
		}
		batch = t.Shape[0]
	}
	if batch < chunkable || batch%smallestChunk != 0 {
		return 0
	}
	key := fmt.Sprint(inputs.Shapes())
	if n, ok := s.chunks[key]; ok {
		return n
	}
	n := 0
	few, err := s.graphFor(slice(inputs, 0, smallestChunk))
	if err == nil && few.separable(smallestChunk) && s.sameNumbers(inputs) && few.intensity() < chunkIntense {
		n = smallestChunk
		for each := few.machine.bytes() / smallestChunk; int64(2*n)*each <= chunkMemory && batch%(2*n) == 0 && 2*n < batch; {
			n *= 2
		}
	}
	s.chunks[key] = n
	return n
}

// sameNumbers reports whether the numbers that follow from the shapes of the inputs are the same for
// other batches.
func (s *session) sameNumbers(inputs runtime.Tensors) bool {
	few, more := op.Infer(s.model, slice(inputs, 0, smallestChunk).Shapes()).Values, op.Infer(s.model, slice(inputs, 0, smallestChunk+1).Shapes()).Values
	for name, a := range few {
		b := more[name]
		if a == nil || b == nil || a.Const == nil || !a.Type.IsFloat() {
			continue
		}
		if b.Const == nil || !slices.Equal(a.Const.F, b.Const.F) {
			return false
		}
	}
	return true
}

// inChunks runs a batch so many images at a time.
func (s *session) inChunks(ctx context.Context, inputs runtime.Tensors, n int) (runtime.Tensors, error) {
	var out runtime.Tensors
	took := map[*operator]time.Duration{} // over all parts
	batch := inputs[s.model.Graph.DataInputs()[0].Name].Shape[0]
	for at := 0; at < batch; at += n {
		part := slice(inputs, at, n)
		g, err := s.graphFor(part)
		if err != nil {
			return nil, err
		}
		results, err := g.execute(ctx, part)
		if err != nil {
			return nil, err
		}
		for _, o := range g.graph.run.operators {
			took[o] += o.took
			o.took = took[o]
		}
		if out == nil {
			out = runtime.Tensors{}
			for name, t := range results {
				shape := slices.Clone(t.Shape)
				shape[0] = batch
				data := reflect.ValueOf(t.Data)
				out[name] = &runtime.Tensor{Type: t.Type, Shape: shape, Data: reflect.MakeSlice(data.Type(), data.Len()/n*batch, data.Len()/n*batch).Interface()}
			}
		}
		for name, t := range results {
			from := reflect.ValueOf(t.Data)
			reflect.Copy(reflect.ValueOf(out[name].Data).Slice(from.Len()/n*at, from.Len()/n*(at+n)), from)
		}
	}
	return out, nil
}

// slice returns the images from at on, so many.
func slice(inputs runtime.Tensors, at, n int) runtime.Tensors {
	out := runtime.Tensors{}
	for name, t := range inputs {
		shape := slices.Clone(t.Shape)
		data := reflect.ValueOf(t.Data)
		each := data.Len() / shape[0]
		shape[0] = n
		out[name] = &runtime.Tensor{Type: t.Type, Shape: shape, Data: data.Slice(at*each, (at+n)*each).Interface()}
	}
	return out
}

// intensity returns how many products the graph does for each number that its layers make.
func (g *inference) intensity() float64 {
	products, numbers := 0.0, 0.0
	for _, s := range g.machine.steps {
		f, ok := s.op.(*forward[float32])
		if !ok {
			continue
		}
		sizes, out := f.spec.Sizes()
		numbers += float64(out)
		switch spec := f.spec.(type) {
		case kernel.Conv:
			products += float64(out) * float64(sizes[1]/spec.M)
		case kernel.Dense:
			products += float64(out) * float64(spec.In)
		}
	}
	return products / numbers
}

// separable reports whether each of n images is computed by itself, so that n could as well be
// fewer: every layer's result depends, image by image, on what came before of that image, and on
// constants that are the same for all.
func (g *inference) separable(n int) bool {
	data := map[int]bool{} // places of what depends on the inputs
	for _, v := range g.inputs {
		data[g.machine.at[v.first]] = true
	}
	for _, s := range g.machine.steps {
		f, ok := s.op.(*forward[float32])
		if !ok {
			return false
		}
		fed := make([]bool, len(s.operands))
		for i, at := range s.operands {
			fed[i] = data[at]
		}
		if !slices.Contains(fed, true) {
			continue
		}
		if !imageByImage(f.spec, n, fed) {
			return false
		}
		data[s.result] = true
	}
	for _, v := range g.outputs {
		if v.constant != nil || !data[g.machine.at[v.first]] || len(v.shape) == 0 || v.shape[0] != n {
			return false
		}
	}
	return true
}

// imageByImage reports whether a kernel computes each of n images by itself, given which of its inputs
// depend on them.
func imageByImage(s kernel.Spec, n int, fed []bool) bool {
	only := func() bool { return fed[0] && !slices.Contains(fed[1:], true) }
	switch s := s.(type) {
	case kernel.Conv:
		return s.N == n && only()
	case kernel.MaxPool:
		return s.N == n
	case kernel.AveragePool:
		return s.N == n
	case kernel.Dense:
		return s.N == n && only()
	case kernel.Layout:
		return s.N == n
	case kernel.LRN:
		return s.Rows%n == 0
	case kernel.BatchNorm:
		return s.Rows%n == 0 && !s.Training && only()
	case kernel.LayerNorm:
		return s.Rows%n == 0 && only()
	case kernel.Softmax:
		return s.Outer%n == 0
	case kernel.Concat:
		return s.Outer%n == 0 && !slices.Contains(fed, false)
	case kernel.Cut:
		return s.Outer%n == 0
	case kernel.Elementwise:
		return everyImage(s, n, fed)
	}
	return false
}

// everyImage is imageByImage for elementwise formulas. The images are along the first axis that is
// longer than one.
func everyImage(s kernel.Elementwise, n int, fed []bool) bool {
	axis := slices.IndexFunc(s.Dims[:], func(d int) bool { return d > 1 })
	if axis < 0 || s.Dims[axis]%n != 0 {
		return false
	}
	for i, along := range s.Inputs {
		if along[axis] != fed[i] {
			return false
		}
	}
	return true
}
