package gorgonia

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"alexctl/runtime"
)

// Layer is one value of a graph.
type Layer struct {
	Node  string
	Kind  string // the operator, or which gradient of it
	Shape []int  // channels last where there are spatial axes
	Bytes int64
	Took  time.Duration // in the last run or step

	ByDefinition bool // for want of a kernel: slowly
}

// LayersOf returns the values that the last run of a session of this engine computed, or nil.
func LayersOf(s runtime.Session) []Layer {
	if s, ok := s.(*session); ok {
		return s.Layers()
	}
	return nil
}

func (r *run) layers() []Layer {
	var list []Layer
	for _, o := range r.operators {
		list = append(list, Layer{Node: o.label, Kind: o.kind, Shape: slices.Clone(o.shape), Bytes: o.bytes, Took: o.took, ByDefinition: o.defined})
	}
	return list
}

// ByDefinition says which operators are computed by ONNX's definitions, for want of a kernel, and
// which part of the time that takes; it returns "" where none are.
func ByDefinition(layers []Layer) string {
	var total, slow time.Duration
	var names []string
	for _, l := range layers {
		total += l.Took
		if l.ByDefinition {
			slow += l.Took
			if !slices.Contains(names, l.Kind) {
				names = append(names, l.Kind)
			}
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return fmt.Sprintf("without a kernel, and computed by ONNX's definition, slowly: %s; that took %.0f%% of the time",
		strings.Join(names, ", "), 100*slow.Seconds()/max(total.Seconds(), 1e-12))
}
