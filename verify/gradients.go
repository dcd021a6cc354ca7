package verify

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/onnx/pass"
	"alexctl/runtime"
	"alexctl/runtime/reference"
)

// GradientTolerance is how far a directional derivative in float32 may be from the float64
// finite difference, by the norm of its terms. Honest gradients were within 2e-6 where no
// rectifier switches between the two points, and within this after a shorter step where
// some do; a gradient that is a hundredth too large is off by 1e-2.
const GradientTolerance = 1e-4

// directions is how many random directions each parameter is moved along.
const directions = 2

// Audit compares gradients with finite differences.
type Audit struct {
	OK         bool       `json:"ok"`
	Engine     string     `json:"engine"`
	Images     int        `json:"images"`
	Loss       Number     `json:"loss"`
	Want       Number     `json:"reference_loss"`
	Tolerance  float64    `json:"tolerance"`
	Parameters []Gradient `json:"parameters"`
	Reason     string     `json:"reason"`
	Without    []string   `json:"without"` // float weights that have no gradient
}

// Gradient is one parameter's.
type Gradient struct {
	Name     string `json:"name"`
	Elements int    `json:"elements"`
	Norm     Number `json:"norm"`  // of the gradient
	Got      Number `json:"got"`   // the derivative along the worst direction
	Want     Number `json:"want"`  // the finite difference
	Error    Number `json:"error"` // |got-want| by the norm of the derivative's terms
	OK       bool   `json:"ok"`
	// Unseen says that the loss is too little changed by the parameter to tell: it passes, and
	// nothing is shown by that.
	Unseen bool `json:"unseen"`
}

// ErrNoGradient says that a model's gradients cannot be compared with the reference.
var ErrNoGradient = fault.New(fault.Unsupported, "the gradients cannot be checked")

// Gradients compares the gradients of a differentiator on a batch, parameter by parameter,
// with float64 central differences of the reference's loss along random directions: each
// element of the parameter moves up or down by the same small step.
func Gradients(ctx context.Context, m *onnx.Model, d runtime.Differentiator, images *runtime.Tensor, labels []int, o Options) (_ *Audit, err error) {
	defer fault.Default(&err, fault.Invalid)
	for _, n := range m.Graph.Nodes {
		if s := op.SpecOf(n); s != nil && s.Statistics != nil {
			return nil, fmt.Errorf("%w: %s takes the batch's own statistics in training, which the reference does not", ErrNoGradient, n.Label())
		}
	}
	loss, gradients, err := d.Gradients(ctx, images, labels)
	if err != nil {
		return nil, err
	}
	f, err := newLoss(m, d.Logits(), images, labels, reference.Engine{Threads: o.Threads, Memory: o.Reference})
	if err != nil {
		return nil, err
	}
	want, _, err := f.at(ctx, "", nil)
	if err != nil {
		return nil, err
	}
	a := &Audit{OK: true, Images: images.Shape[0], Loss: Number(loss), Want: Number(want), Tolerance: GradientTolerance}
	if math.Abs(loss-want) > GradientTolerance*max(1, math.Abs(want)) || math.IsNaN(loss) {
		a.fail("the loss is %g, the reference's %g", loss, want)
	}
	for _, t := range m.Graph.Initializers { // in the file's order
		g := gradients[t.Name]
		if g == nil {
			if t.Type == onnx.Float {
				a.Without = append(a.Without, t.Name)
			}
			continue
		}
		if o.Progress != nil {
			o.Progress("gradient of " + t.Name)
		}
		row, err := f.check(ctx, t, g)
		if err != nil {
			return nil, err
		}
		if !row.OK {
			a.fail("the gradient of %s is wrong: along a random direction it says %.6g, the finite difference %.6g", row.Name, float64(row.Got), float64(row.Want))
		}
		a.Parameters = append(a.Parameters, row)
	}
	if len(a.Parameters) == 0 {
		return nil, fmt.Errorf("%w: there are none", ErrNoGradient)
	}
	return a, nil
}

func (a *Audit) fail(format string, args ...any) {
	if a.OK {
		a.OK, a.Reason = false, fmt.Sprintf(format, args...)
	}
}

// loss is the reference's loss as a function of one parameter.
type loss struct {
	model  *onnx.Model
	logits string
	images *runtime.Tensor
	labels []int
	engine reference.Engine
}

func newLoss(m *onnx.Model, logits string, images *runtime.Tensor, labels []int, engine reference.Engine) (*loss, error) {
	shown, _, err := pass.Expose{Values: []string{logits}}.Apply(m)
	return &loss{shown, logits, images, labels, engine}, err
}

// at returns the loss with the values in place of a parameter's own, and how large the numbers are
// that it is the difference of.
func (f *loss) at(ctx context.Context, name string, values []float32) (loss, size float64, err error) {
	m := f.model
	if values != nil {
		t, err := onnx.FromFloat32s(name, m.Graph.Initializer(name).Dims, values)
		if err != nil {
			return 0, 0, err
		}
		g, err := m.Graph.WithInitializers(map[string]*onnx.Tensor{name: t})
		if err != nil {
			return 0, 0, err
		}
		m = m.WithGraph(g)
	}
	s, err := f.engine.Prepare(ctx, m)
	if err != nil {
		return 0, 0, err
	}
	out, err := s.Run(ctx, runtime.Tensors{m.Graph.DataInputs()[0].Name: f.images})
	if err = errors.Join(err, s.Close()); err != nil {
		return 0, 0, err
	}
	y, err := out[f.logits].Float64s()
	if err != nil {
		return 0, 0, err
	}
	classes, total := len(y)/len(f.labels), 0.0
	for i, label := range f.labels {
		row := y[i*classes : (i+1)*classes]
		largest, sum := slices.Max(row), 0.0
		for _, v := range row {
			sum += math.Exp(v - largest)
		}
		total += largest + math.Log(sum) - row[label]
		size = max(size, math.Abs(largest), math.Abs(row[label]))
	}
	return total / float64(len(f.labels)), size, nil
}

// steps are how far a parameter is moved, by the root mean square of its elements. Between
// the two points of a difference some rectifiers and pools switch, the fewer the shorter
// the step is; the first step that agrees is enough, because a wrong gradient agrees at none.
var steps = []float64{1e-5, 1e-6, 1e-7}

// lossRounding is what float64 leaves in the difference of two losses, by the scores that they
// are differences of: some fifty units.
const lossRounding = 1e-14

// check compares the gradient of one parameter with finite differences.
func (f *loss) check(ctx context.Context, t *onnx.Tensor, g *runtime.Tensor) (Gradient, error) {
	gradient, err := g.Float64s()
	if err != nil {
		return Gradient{}, err
	}
	theta := make([]float32, len(gradient))
	if err := t.Float32s(theta, 0); err != nil {
		return Gradient{}, err
	}
	square, norm := 0.0, 0.0
	for i, v := range theta {
		square += float64(v) * float64(v)
		norm += gradient[i] * gradient[i]
	}
	size := math.Sqrt(square / float64(max(1, len(theta))))
	if size == 0 {
		size = 1 // a bias that is zero
	}
	row := Gradient{Name: t.Name, Elements: len(theta), Norm: Number(math.Sqrt(norm)), OK: true, Unseen: true}
	for d := range directions {
		worst, agrees := derivative{}, false
		for _, step := range steps {
			if worst, err = f.along(ctx, t.Name, theta, gradient, uint64(d), step*size); err != nil {
				return row, err
			}
			// The longest step alone shows what is too small to be seen in the loss.
			within := lossRounding * worst.size
			unseen := step == steps[0] && math.Abs(worst.got-worst.want) <= within
			if agrees = worst.error <= GradientTolerance || unseen; agrees {
				row.Unseen = row.Unseen && math.Abs(worst.got) <= within
				break
			}
		}
		row.OK = row.OK && agrees
		if d == 0 || worst.error > float64(row.Error) || math.IsNaN(worst.error) {
			row.Got, row.Want, row.Error = Number(worst.got), Number(worst.want), Number(worst.error)
		}
	}
	return row, nil
}

// derivative is a difference of losses beside what the gradient makes of it.
type derivative struct{ got, want, error, size float64 }

// along moves a parameter up and down: each element by h, this way or that.
func (f *loss) along(ctx context.Context, name string, theta []float32, gradient []float64, direction uint64, h float64) (derivative, error) {
	up, down := make([]float32, len(theta)), make([]float32, len(theta))
	r := rand.New(rand.NewPCG(direction, uint64(len(theta))))
	var x derivative
	scale := 0.0
	for i, v := range theta {
		move := h
		if r.Uint64()&1 == 0 {
			move = -h
		}
		// The difference of what float32 can hold is exact in float64.
		up[i], down[i] = float32(float64(v)+move), float32(float64(v)-move)
		term := gradient[i] * (float64(up[i]) - float64(down[i]))
		x.got += term
		scale += term * term
	}
	above, size, err := f.at(ctx, name, up)
	if err != nil {
		return x, err
	}
	below, _, err := f.at(ctx, name, down)
	if err != nil {
		return x, err
	}
	x.want, x.size = above-below, size
	if x.got != x.want {
		x.error = math.Abs(x.got-x.want) / math.Sqrt(scale)
	}
	return x, nil
}
