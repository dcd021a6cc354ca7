package onnx

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"sync"
)

// maxDense bounds the elements that a sparse initializer stands for: its file may be small.
const maxDense = 1 << 28

// sparse is a SparseTensorProto: an initializer of which the file holds the elements that are
// not zero. Its Tensor reads as if all were there.
type sparse struct {
	values, indices *Tensor
	dims            []int64 // those of the dense tensor
	unknown         raw

	once  sync.Once
	at    []int64 // the positions of the values in the dense tensor, ascending
	bytes []byte  // the values, in this order
	err   error
}

func (d *decoder) sparse(f field, depth int, dst *[]*Tensor) {
	s := &sparse{values: &Tensor{}, indices: &Tensor{}}
	d.nested(f, fmt.Sprintf("sparse_initializer[%d]", len(*dst)), func(body span) error {
		return d.message(body, depth+1, func(f field) {
			switch f.num {
			case 1:
				d.nested(f, "values", func(v span) error { return d.tensor(v, depth+2, s.values) })
			case 2:
				d.nested(f, "indices", func(v span) error { return d.tensor(v, depth+2, s.indices) })
			case 3:
				d.ints(f, &s.dims)
			default:
				d.keep(f, &s.unknown)
			}
		})
	})
	*dst = append(*dst, s.dense())
}

// dense returns the tensor that s stands for.
func (s *sparse) dense() *Tensor {
	t := &Tensor{Name: s.values.Name, DocString: s.values.DocString, Type: s.values.Type, Dims: s.dims, Metadata: s.values.Metadata,
		data: s, fields: 1, sparse: s}
	if t.fault = s.check(); t.fault == nil {
		t.size, t.fault = byteSize(t.Type, t.Dims)
	}
	return t
}

// check reports what is wrong with the description; read looks at the indices themselves.
func (s *sparse) check() error {
	count, err := ElementCount(s.dims)
	switch {
	case err != nil:
		return err
	case count > maxDense:
		return fmt.Errorf("a sparse initializer of %d elements: at most %d are read", count, maxDense)
	case s.values.External != nil || s.indices.External != nil:
		return errors.New("a sparse initializer with external data is not read")
	case s.values.Type.Bits()%8 != 0 || s.values.Type.Bits() == 0:
		return fmt.Errorf("a sparse initializer of %s is not read", s.values.Type)
	case len(s.values.Dims) != 1:
		return fmt.Errorf("the values of a sparse initializer are %v, want one dimension", s.values.Dims)
	case s.indices.Type != Int64:
		return fmt.Errorf("the indices of a sparse initializer are %s, want INT64", s.indices.Type)
	}
	linear := slices.Equal(s.indices.Dims, s.values.Dims)
	byAxis := slices.Equal(s.indices.Dims, []int64{s.values.Dims[0], int64(len(s.dims))})
	if !linear && !byAxis {
		return fmt.Errorf("the indices of a sparse initializer are %v for %d values of %d dimensions", s.indices.Dims, s.values.Dims[0], len(s.dims))
	}
	return errors.Join(s.values.Validate(), s.indices.Validate())
}

// read reads indices and values; both are in the file, so the file bounds them.
func (s *sparse) read() {
	n := s.values.Dims[0]
	width := s.values.Type.Bits() / 8
	s.bytes = make([]byte, n*width)
	total, err := s.indices.Len()
	index := make([]int64, total)
	if err = errors.Join(err, s.values.ReadRaw(s.bytes, 0), s.indices.Int64s(index, 0)); err != nil {
		s.err = err
		return
	}
	s.at = index
	if len(s.indices.Dims) == 2 {
		s.at = make([]int64, n)
		for i := range s.at {
			for k, d := range s.dims {
				v := index[i*len(s.dims)+k]
				if v < 0 || v >= d {
					s.err = fmt.Errorf("index %v of a tensor of %v", index[i*len(s.dims):(i+1)*len(s.dims)], s.dims)
					return
				}
				s.at[i] = s.at[i]*d + v
			}
		}
	}
	count, _ := ElementCount(s.dims) // check has seen it
	for i, v := range s.at {
		if v < 0 || v >= count || i > 0 && v <= s.at[i-1] {
			s.err = fmt.Errorf("index %d of a sparse initializer is %d: want them ascending, each once, below %d", i, v, count)
			return
		}
	}
}

// readable reads the indices and says what is wrong with them, or nil.
func (s *sparse) readable() error {
	s.once.Do(s.read)
	return s.err
}

// ReadAt reads the packed elements of the dense tensor.
func (s *sparse) ReadAt(p []byte, off int64) (int, error) {
	if err := s.readable(); err != nil {
		return 0, err
	}
	clear(p)
	width := s.values.Type.Bits() / 8
	first := sort.Search(len(s.at), func(i int) bool { return (s.at[i]+1)*width > off })
	for i := first; i < len(s.at) && s.at[i]*width < off+int64(len(p)); i++ {
		for k := range width { // an element may be cut by either end of p
			if at := s.at[i]*width + k - off; at >= 0 && at < int64(len(p)) {
				p[at] = s.bytes[int64(i)*width+k]
			}
		}
	}
	return len(p), nil
}

var _ io.ReaderAt = (*sparse)(nil)

// sparse writes a sparse initializer as it was.
func (e *encoder) sparse(t *Tensor) *message {
	out := &message{}
	values := *t.sparse.values
	values.Name = t.Name
	out.message(1, e.tensor(&values, false))
	out.message(2, e.tensor(t.sparse.indices, false))
	out.ints(3, t.sparse.dims)
	out.raw(t.sparse.unknown)
	return out
}
