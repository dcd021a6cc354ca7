package kernel

import "fmt"

// Conv is ONNX's Conv: inputs x (N, D, H, W, C), w (M, C/Group, kernel) and, with
// Bias, b (M); output y (N, D', H', W', M), rectified with ReLU. Equals
// torch.nn.Conv1d to Conv3d, and ReLU after it.
type Conv struct {
	N, C, M, Group int
	Window         Window
	Bias, ReLU     bool
}

// Sizes returns the elements of x, w, b and y.
func (s Conv) Sizes() (in []int, out int) {
	in = []int{s.N * s.Window.in() * s.C, s.M * s.k()}
	if s.Bias {
		in = append(in, s.M)
	}
	return in, s.N * s.Window.out() * s.M
}

// Differentiable is true for every input.
func (s Conv) Differentiable(int) bool { return true }

// Check reports sizes that make no sense.
func (s Conv) Check() error {
	if s.N < 1 || s.C < 1 || s.M < 1 || s.Group < 1 || s.C%s.Group != 0 || s.M%s.Group != 0 {
		return fmt.Errorf("a convolution of %d to %d channels in %d groups, batch %d", s.C, s.M, s.Group, s.N)
	}
	return s.Window.check()
}

// k is the number of products in one element of the output.
func (s Conv) k() int { return s.C / s.Group * s.Window.taps() }

// newConv plans a convolution: directly where there are enough images and channels, by
// way of patches otherwise.
func newConv[T Float](s Conv, k workers) Plan[T] {
	const (
		fewImages   = 16      // less are not worth the products of one position
		fewChannels = 16      // less are not worth the products of one tap
		manyLinks   = 1 << 20 // pairs of positions that are listed
	)
	if s.N < fewImages || s.C/s.Group < fewChannels || s.M/s.Group < fewChannels || s.Window.taps()*s.Window.out() > manyLinks {
		return newPatchConv[T](s, k)
	}
	return newDirectConv[T](s, k)
}
