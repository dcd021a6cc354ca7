package runtime

import "slices"

// Arithmetic is how an engine computes with a model's numbers, as far as it is less exact
// than operations in the model's own type.
type Arithmetic struct {
	// Operand is the unit roundoff to which the operands of convolutions and matrix
	// products are cut: 2^-11 for TF32, 2^-8 for bfloat16; 0 where they are not.
	Operand float64
	// Spread is, by the side of a square kernel, how much the algorithm that computes a
	// convolution in a transformed domain (Winograd's minimal filtering) multiplies its
	// errors; 0 and 1 stand for a direct one.
	Spread [8]float64
	// Searched says that the algorithms of convolutions are chosen by a search, and may
	// compute in any transformed domain.
	Searched bool
}

// SpreadOf returns the spread for a kernel; nil, which the model does not give, is the worst.
func (a Arithmetic) SpreadOf(kernel []int64) float64 {
	switch {
	case kernel == nil:
		return slices.Max(a.Spread[:])
	case len(kernel) == 2 && kernel[0] == kernel[1] && kernel[0] < int64(len(a.Spread)):
		return a.Spread[kernel[0]]
	}
	return 0
}

// Approximate is an engine that says how it computes a batch of so many images. Others
// compute in float32, directly.
type Approximate interface {
	Arithmetic(batch int) Arithmetic
}

// Placement is which execution provider computed each node of a model, as the engine
// itself recorded it while it ran.
type Placement struct {
	Wanted string       // the provider that was asked for
	Nodes  []PlacedNode // in the order in which they ran first
}

// PlacedNode is a node of the graph that was run, after the engine's optimizations.
type PlacedNode struct {
	Node     string
	Op       string
	Provider string
}

// Placer is a Session that can prove where its nodes ran. Placement may be called after
// Close, and returns an error where there is no record.
type Placer interface {
	Placement() (*Placement, error)
}

// Elsewhere returns the nodes that ran on another provider than the one asked for.
func (p *Placement) Elsewhere() []PlacedNode {
	var list []PlacedNode
	for _, n := range p.Nodes {
		if n.Provider != p.Wanted {
			list = append(list, n)
		}
	}
	return list
}
