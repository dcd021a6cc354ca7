package builder

import (
	"fmt"
	"io"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

// net is a network being drawn, layer after layer. The shape is known at every
// step; the first error sticks and is seen at the end.
type net struct {
	options Options
	init    scheme
	graph   *onnx.Graph

	value     string   // the name of the last layer's output
	info      *op.Info // and its type
	convs     int      // convolutions so far: 1 to 5 in the paper's numbering
	denses    int      // fully connected layers so far
	names     map[string]int
	err       error
	collapsed bool // err says that the input is too small
}

func newNet(o Options, init scheme) *net {
	n := &net{options: o, init: init, graph: &onnx.Graph{}, value: "input", names: map[string]int{}}
	batch := onnx.Symbol("N")
	if o.Batch > 0 {
		batch = onnx.Known(int64(o.Batch))
	}
	side := onnx.Known(int64(o.Input))
	shape := onnx.Shape{batch, onnx.Known(int64(o.Channels)), side, side}
	n.info = &op.Info{Type: onnx.Float, Ranked: true, Shape: shape}
	n.graph.Inputs = []*onnx.Value{{Name: "input", Type: onnx.TensorType(onnx.Float, shape)}}
	return n
}

// channels returns the size of axis 1.
func (n *net) channels() int64 { return n.info.Shape[1].N }

// add appends a node on the last value and further inputs, called name, and makes
// its output the last value.
func (n *net) add(name, opType string, further []string, attrs ...*onnx.Attribute) {
	n.apply(name, opType, append([]string{n.value}, further...), attrs...)
}

// apply appends a node on the given inputs, which are the last value, earlier ones
// of the same shape, or initializers.
func (n *net) apply(name, opType string, inputs []string, attrs ...*onnx.Attribute) {
	if n.err != nil {
		return
	}
	in := make([]*op.Info, len(inputs))
	for i, input := range inputs {
		in[i] = n.info
		if t := n.graph.Initializer(input); t != nil {
			in[i] = &op.Info{Type: t.Type, Ranked: true, Shape: onnx.FixedShape(t.Dims...)}
			if t.Type == onnx.Int64 {
				in[i].Const, n.err = op.FromTensor(t)
			}
		}
	}
	n.applyTo(name, opType, inputs, in, attrs...)
}

// applyTo appends a node on the given inputs, whose types are in.
func (n *net) applyTo(name, opType string, inputs []string, in []*op.Info, attrs ...*onnx.Attribute) {
	if n.err != nil {
		return
	}
	node := &onnx.Node{Name: name, OpType: opType, Inputs: inputs, Outputs: []string{name}, Attributes: attrs}
	out, err := op.InferNode(node, n.options.Opset, in)
	if err != nil {
		n.err = err
		n.collapsed = opType == "Conv" || opType == "MaxPool"
		return
	}
	n.graph.Nodes = append(n.graph.Nodes, node)
	n.graph.ValueInfo = append(n.graph.ValueInfo, &onnx.Value{Name: name, Type: onnx.TensorType(out[0].Type, out[0].Shape)})
	n.value, n.info = name, out[0]
}

// number returns kind with a running number: relu1, relu2.
func (n *net) number(kind string) string {
	n.names[kind]++
	return fmt.Sprintf("%s%d", kind, n.names[kind])
}

func (n *net) initializer(t *onnx.Tensor, err error) {
	if n.err == nil {
		n.err = err
	}
	if err == nil {
		n.graph.Initializers = append(n.graph.Initializers, t)
	}
}

// constant adds a FLOAT scalar called name, once.
func (n *net) constant(name string, v float32) string {
	if n.graph.Initializer(name) == nil {
		n.initializer(onnx.FromFloat32s(name, nil, []float32{v}))
	}
	return name
}

// axes adds a list of axes called name, once.
func (n *net) axes(name string, axes ...int64) string {
	if n.graph.Initializer(name) == nil {
		n.initializer(onnx.FromInt64s(name, []int64{int64(len(axes))}, axes))
	}
	return name
}

// conv describes a convolution.
type conv struct {
	kernel, stride, group int64
	pads                  []int64 // top, left, bottom, right
}

func pad(p int64) []int64 { return []int64{p, p, p, p} }

// ConvRelu and LinearRelu add a layer and a Relu behind it.
func (n *net) ConvRelu(name string, m int64, c conv) {
	n.Conv(name, m, c)
	n.Relu()
}

func (n *net) LinearRelu(name string, m int64) {
	n.Linear(name, m)
	n.Relu()
}

// Conv adds a convolution with bias to m channels, with parameters NAME.weight
// (m, C/group, kernel, kernel) and NAME.bias (m). torch.nn.Conv2d.
func (n *net) Conv(name string, m int64, c conv) {
	if n.err != nil {
		return
	}
	n.convs++
	c.stride, c.group = max(c.stride, 1), max(c.group, 1)
	if c.pads == nil {
		c.pads = pad(0)
	}
	perGroup := n.channels() / c.group
	w, b := n.init(layer{number: n.convs, convolution: true, fanIn: perGroup * c.kernel * c.kernel})
	dims := []int64{m, perGroup, c.kernel, c.kernel}
	source := n.source(name+".weight", w)
	var weight io.ReaderAt = source
	if n.options.NoGroups && c.group > 1 {
		weight = &blockDiagonal{source: source, groups: c.group, out: m, in: perGroup, taps: c.kernel * c.kernel}
		dims[1] = n.channels()
		c.group = 1
	}
	n.initializer(onnx.NewTensor(name+".weight", onnx.Float, dims, weight))
	n.initializer(onnx.NewTensor(name+".bias", onnx.Float, []int64{m}, n.source(name+".bias", b)))
	n.add(name, "Conv", []string{name + ".weight", name + ".bias"},
		onnx.IntsAttr("kernel_shape", c.kernel, c.kernel), onnx.IntsAttr("strides", c.stride, c.stride),
		onnx.IntsAttr("pads", c.pads...), onnx.IntsAttr("dilations", 1, 1), onnx.IntAttr("group", c.group))
}

// Relu adds a rectifier.
func (n *net) Relu() { n.add(n.number("relu"), "Relu", nil) }

// MaxPool adds max pooling; with ceil a last window may reach past the edge.
func (n *net) MaxPool(kernel, stride int64, ceil bool) {
	attrs := []*onnx.Attribute{onnx.IntsAttr("kernel_shape", kernel, kernel), onnx.IntsAttr("strides", stride, stride)}
	if ceil {
		attrs = append(attrs, onnx.IntAttr("ceil_mode", 1))
	}
	n.add(n.number("pool"), "MaxPool", nil, attrs...)
}

// Flatten makes each image a row, in channel, height, width order.
func (n *net) Flatten() { n.add("flatten", "Flatten", nil, onnx.IntAttr("axis", 1)) }

// Dropout adds dropout with ratio 0.5. Without training_mode it is the identity;
// training uses it.
func (n *net) Dropout() {
	n.add(n.number("dropout"), "Dropout", []string{n.constant("dropout.ratio", 0.5)})
}

// Linear adds a fully connected layer with parameters NAME.weight (out, in) and
// NAME.bias (out). torch.nn.Linear.
func (n *net) Linear(name string, out int64) {
	if n.err != nil {
		return
	}
	n.denses++
	in := n.channels()
	w, b := n.init(layer{number: 5 + n.denses, fanIn: in})
	n.initializer(onnx.NewTensor(name+".weight", onnx.Float, []int64{out, in}, n.source(name+".weight", w)))
	n.initializer(onnx.NewTensor(name+".bias", onnx.Float, []int64{out}, n.source(name+".bias", b)))
	n.add(name, "Gemm", []string{name + ".weight", name + ".bias"}, onnx.IntAttr("transB", 1))
}

// output ends the graph: the last value is renamed to logits or, after a softmax,
// probabilities.
func (n *net) output() {
	name := "logits"
	if n.options.Softmax {
		n.add("softmax", "Softmax", nil, onnx.IntAttr("axis", 1))
		name = "probabilities"
	}
	if n.err != nil {
		return
	}
	n.graph.Nodes[len(n.graph.Nodes)-1].Outputs[0] = name
	last := len(n.graph.ValueInfo) - 1
	v := n.graph.ValueInfo[last]
	n.graph.ValueInfo = n.graph.ValueInfo[:last]
	v.Name = name
	n.graph.Outputs = []*onnx.Value{v}
}
