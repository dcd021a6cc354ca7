package runtime

// Arithmetic is how an engine computes with a model's numbers, as far as it is less exact
// than operations in the model's own type.
type Arithmetic struct {
	// Operand is the unit roundoff to which the operands of convolutions and matrix
	// products are cut: 2^-11 for TF32, 2^-8 for bfloat16; 0 where they are not.
	Operand float64
	// Winograd says that convolutions of 3x3 and 5x5 may be computed by Winograd's minimal
	// filtering, F(2x2).
	Winograd bool
	// Searched says that the algorithms of convolutions are chosen by a search, and may
	// compute in any transformed domain.
	Searched bool
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
