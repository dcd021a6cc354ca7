package verify

import (
	"context"
	"errors"
	"fmt"

	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/onnx/pass"
	"alexctl/runtime"
	"alexctl/runtime/reference"
)

// rounded are the reference's values in the model's own types: what an engine that makes
// no error would hand on.
func (c *comparison) rounded(ctx context.Context, input int) (runtime.Tensors, error) {
	all := runtime.Tensors{}
	for name, t := range c.inputs[input] {
		all[name] = t
	}
	err := c.analysis.Propagate(ctx, c.inputs[input], reference.RoundingOf(runtime.Arithmetic{}), func(_ int, values []reference.Value) error {
		for _, v := range values {
			t, err := v.Tensor()
			if err != nil {
				return fmt.Errorf("value %q: %w", v.Name, err)
			}
			all[v.Name] = t
		}
		return nil
	})
	return all, err
}

// isolated runs each node as a model of its own on the engine, on the reference's values of
// the first input.
func (c *comparison) isolated(ctx context.Context, e runtime.Engine, a runtime.Arithmetic) (*rows, error) {
	values, err := c.rounded(ctx, 0)
	if err != nil {
		return nil, err
	}
	result := c.newRows()
	refused := 0
	for node := range c.analysis.Nodes() {
		if c.analysis.Constant(node) {
			continue
		}
		out, err := c.alone(ctx, e, node, node+1, values)
		if err != nil {
			if ctx.Err() != nil || fault.Lacks(err) {
				return nil, err
			}
			refused++
			continue
		}
		want, err := c.analysis.Local(ctx, node, func(name string) *runtime.Tensor { return values[name] }, reference.RoundingOf(a))
		if err != nil {
			return nil, err
		}
		for _, v := range want {
			if out[v.Name] != nil {
				result.judge(out[v.Name], v, 0, c.Pictures)
			}
		}
	}
	if refused > 0 {
		c.unchecked("%d nodes that %s does not run alone", refused, e.Name())
	}
	if len(c.inputs) > 1 {
		c.unchecked("the layers of %s on other inputs than the first", e.Name())
	}
	return result, nil
}

// part is the model of the nodes from lo to hi, for values of the given shapes.
func (c *comparison) part(lo, hi int, values runtime.Tensors) (*onnx.Model, error) {
	m, _, err := pass.Segment{Lo: lo, Hi: hi, Index: c.index, TypeOf: func(name string) *onnx.Type {
		t := values[name]
		if t == nil {
			return c.shapes[name].Declared()
		}
		dims := make([]int64, len(t.Shape))
		for i, d := range t.Shape {
			dims[i] = int64(d)
		}
		return onnx.TensorType(t.Type, onnx.FixedShape(dims...))
	}}.Apply(c.model)
	return m, err
}

// alone runs the nodes from lo to hi on the engine, as a model fed with values.
func (c *comparison) alone(ctx context.Context, e runtime.Engine, lo, hi int, values runtime.Tensors) (out runtime.Tensors, err error) {
	m, err := c.part(lo, hi, values)
	if err == nil {
		m, err = c.written(ctx, m, "part.onnx")
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	s, err := e.Prepare(ctx, m)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	in := runtime.Tensors{}
	for _, v := range m.Graph.Inputs {
		in[v.Name] = values[v.Name]
	}
	return s.Run(ctx, in)
}
