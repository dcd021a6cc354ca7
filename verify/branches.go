package verify

import (
	"context"
	"fmt"
	"slices"

	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/onnx/pass"
	"alexctl/runtime"
	"alexctl/runtime/reference"
)

// maxBranches bounds how often branches are decided that stand in other branches.
const maxBranches = 256

// Branches returns the model with the branches that the inputs choose in the places of its If nodes,
// and whether there were any: what the reference, which knows no If, can compare for these inputs.
// Inputs that choose different branches are an error, of kind fault.Unsupported.
func Branches(ctx context.Context, m *onnx.Model, inputs []runtime.Tensors) (*onnx.Model, bool, error) {
	changed := false
	if len(inputs) == 0 {
		return m, false, nil
	}
	for range maxBranches {
		decided, reports, err := pass.Run(m, pass.DecideFor(inputs[0].Shapes(), nil))
		if err != nil {
			return m, changed, err
		}
		m, changed = decided, changed || len(reports[0].Changes) > 0
		i := slices.IndexFunc(m.Graph.Nodes, func(n *onnx.Node) bool {
			return n.OpType == "If" && onnx.IsStandardDomain(n.Domain) && len(n.Inputs) == 1
		})
		if i < 0 {
			return m, changed, nil
		}
		condition := m.Graph.Nodes[i].Inputs[0]
		taken, err := conditionOf(ctx, m, condition, inputs)
		if err != nil {
			return m, changed, fmt.Errorf("node %q (If): its condition %q: %w", m.Graph.Nodes[i].Label(), condition, err)
		}
		if m, _, err = pass.Run(m, pass.DecideFor(nil, map[string]bool{condition: taken})); err != nil {
			return m, changed, err
		}
		changed = true
	}
	return m, changed, fault.New(fault.Unsupported, "more than %d branches within each other", maxBranches)
}

// conditionOf computes a condition on all inputs.
func conditionOf(ctx context.Context, m *onnx.Model, name string, inputs []runtime.Tensors) (bool, error) {
	g := *m.Graph
	g.Outputs = []*onnx.Value{{Name: name, Type: onnx.TensorType(onnx.Bool, onnx.Shape{})}}
	if info := op.Infer(m, nil).Values[name]; info != nil && info.Declared() != nil {
		g.Outputs[0].Type = info.Declared()
	}
	needed, _, err := pass.Run(m.WithGraph(&g), pass.Prune())
	if err != nil {
		return false, err
	}
	s, err := reference.Engine{}.Prepare(ctx, needed)
	if err != nil {
		return false, err
	}
	defer func() { _ = s.Close() }() // it holds nothing but memory
	taken := false
	for i, in := range inputs {
		out, err := s.Run(ctx, in)
		if err != nil {
			return false, err
		}
		v, err := out[name].Ints()
		if err != nil || len(v) != 1 {
			return false, fault.New(fault.Invalid, "is not one truth value")
		}
		if now := v[0] != 0; i > 0 && now != taken {
			return false, fault.New(fault.Unsupported, "input %d chooses the other branch than those before: verify them by themselves", i)
		} else { //nolint:revive // now is of both
			taken = now
		}
	}
	return taken, nil
}
