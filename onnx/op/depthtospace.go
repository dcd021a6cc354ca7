package op

import (
	"fmt"

	"alexctl/onnx"
)

// blocks returns the shape rule of an operator that moves blocks of an image between its channels
// and its sides: up is 1 for those that make the sides longer.
func inferBlocks(up bool) func(n *Node, in []*Info) ([]*Info, error) {
	return func(n *Node, in []*Info) ([]*Info, error) {
		x, size := in[0], n.Int("blocksize")
		if size < 1 || size > 1<<15 {
			return nil, fmt.Errorf("blocksize is %d", size)
		}
		if err := x.wantRank("input", 4); err != nil || !x.Ranked {
			return unranked(x.Type), err
		}
		out := append(onnx.Shape{}, x.Shape...)
		for i, by := range []int64{0, size * size, size, size} {
			d := x.Shape[i]
			switch {
			case i == 0 || by == 1:
			case !d.IsKnown():
				out[i] = onnx.UnknownDim
			case (i == 1) == up:
				if d.N%by != 0 {
					return nil, fmt.Errorf("input %s does not divide into blocks of %d", x.Shape, size)
				}
				out[i] = onnx.Known(d.N / by)
			default:
				out[i] = onnx.Known(mul(d.N, by))
			}
		}
		return ranked(x.Type, out), nil
	}
}

// depthToSpace is DepthToSpace-1, -11, -13: channels become blocks of pixels, as (block row, block
// column, channel), or with mode CRD as (channel, block row, block column), which equals
// torch.nn.PixelShuffle.
func depthToSpace() *Spec {
	return &Spec{
		Type: "DepthToSpace", Since: []int64{1, 11, 13},
		Inputs: Arity{1, 1}, Outputs: Arity{1, 1},
		Attrs: []Attr{intAttr("blocksize", 0).required(), {Name: "mode", Kind: onnx.AttrString, Default: "DCR", From: 11}},
		Infer: inferBlocks(true),
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			x, b := in[0], int(n.Int("blocksize"))
			if len(x.Shape) != 4 || b < 1 || x.Shape[1]%(b*b) != 0 {
				return nil, fmt.Errorf("input %v and blocksize %d", x.Shape, b)
			}
			c, h, w := x.Shape[1]/(b*b), x.Shape[2], x.Shape[3]
			crd := n.Text("mode") == "CRD"
			if !crd && n.Opset >= 11 && n.Text("mode") != "DCR" {
				return nil, fmt.Errorf("mode %q, want DCR or CRD", n.Text("mode"))
			}
			y, err := x.gather([]int{x.Shape[0], c, h * b, w * b}, func(i int) int {
				col, row, channel, image := i%(w*b), i/(w*b)%(h*b), i/(w*b*h*b)%max(c, 1), i/(w*b*h*b*max(c, 1))
				block := row%b*b + col%b
				from := block*c + channel
				if crd {
					from = channel*b*b + block
				}
				return ((image*c*b*b+from)*h+row/b)*w + col/b
			})
			return []*Array{y}, err
		},
	}
}

// spaceToDepth is SpaceToDepth-1, -13, -28: blocks of pixels become channels, as (block row, block
// column, channel), or with mode CRD as (channel, block row, block column), which equals
// torch.nn.PixelUnshuffle.
func spaceToDepth() *Spec {
	return &Spec{
		Type: "SpaceToDepth", Since: []int64{1, 13, 28},
		Inputs: Arity{1, 1}, Outputs: Arity{1, 1},
		Attrs: []Attr{intAttr("blocksize", 0).required(), stringAttr("mode", "DCR").since(28)},
		Infer: inferBlocks(false),
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			x, b := in[0], int(n.Int("blocksize"))
			if len(x.Shape) != 4 || b < 1 || x.Shape[2]%b != 0 || x.Shape[3]%b != 0 {
				return nil, fmt.Errorf("input %v and blocksize %d", x.Shape, b)
			}
			c, h, w := x.Shape[1], x.Shape[2]/b, x.Shape[3]/b
			y, err := x.gather([]int{x.Shape[0], c * b * b, h, w}, func(i int) int {
				col, row, to, image := i%w, i/w%h, i/(w*h)%(c*b*b), i/(w*h*c*b*b)
				block, channel := to/c, to%c
				if n.Text("mode") == "CRD" {
					block, channel = to%(b*b), to/(b*b)
				}
				return ((image*c+channel)*h*b+row*b+block/b)*w*b + col*b + block%b
			})
			return []*Array{y}, err
		},
	}
}
