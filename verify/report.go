package verify

import (
	"fmt"

	"alexctl/fault"
	"alexctl/runtime"
	"alexctl/verify/judge"
)

// Statuses of a Result.
const (
	Pass    = "pass"
	Fail    = "fail"
	Skipped = "skipped"
)

// Report is the outcome of a comparison.
type Report struct {
	OK        bool     `json:"ok"`
	Model     Model    `json:"model"`
	Reference string   `json:"reference"`
	Inputs    string   `json:"inputs"` // what the engines were fed
	Results   []Result `json:"results"`
	Unchecked []string `json:"unchecked"` // what the comparison says nothing about
	// IllConditioned says that rounding alone may change an output beyond recognition: its agreement
	// says little, and what is verified is each layer by itself.
	IllConditioned bool `json:"ill_conditioned,omitempty"`
	// Nonfinite are the outputs that hold no numbers; a finding unless they are allowed.
	Nonfinite        []Nonfinite   `json:"nonfinite,omitempty"`
	NonfiniteAllowed bool          `json:"nonfinite_allowed,omitempty"`
	Timing           Timing        `json:"timing"`
	Gradients        *Audit        `json:"gradients,omitempty"`
	Environment      []Fact        `json:"environment,omitempty"`
	Command          string        `json:"command,omitempty"` // how to do it again
	Time             string        `json:"time,omitempty"`
	Bisected         *Reproduction `json:"bisected,omitempty"`
	Bound            BoundNote     `json:"bounds"`
}

// BoundNote says what the bounds mean.
type BoundNote struct {
	Kind       string  `json:"kind"`                // "derived" or "tolerance"
	Tolerance  string  `json:"tolerance,omitempty"` // as it was given
	Deviations float64 `json:"deviations"`          // λ of the derived ones
}

// Model identifies the file that was compared.
type Model struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

// Fact is a line about where the comparison was made.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Timing is where the time went, in seconds.
type Timing struct {
	Reference float64 `json:"reference_s"` // the float64 results
	Bounds    float64 `json:"bounds_s"`    // the bounds of results and layers
}

// Result is one engine against the reference.
type Result struct {
	Engine   string   `json:"engine"`
	Provider string   `json:"provider"`
	Settings string   `json:"settings"`
	Status   string   `json:"status"`
	Reason   string   `json:"reason"` // why it failed or was skipped, otherwise empty
	Outputs  []Output `json:"outputs"`

	First     *Layer         `json:"first_divergence,omitempty"`
	Layers    []Layer        `json:"layers,omitempty"`
	Kinds     []Kind         `json:"kinds,omitempty"` // the worst local margin of each operator
	Decision  *Decision      `json:"decision,omitempty"`
	Placement map[string]int `json:"placement,omitempty"` // nodes by the provider that ran them
	Load      float64        `json:"load_s"`
	Run       float64        `json:"run_s"` // the mean of one run
	Isolated  bool           `json:"isolated,omitempty"`

	Help  []fault.Hint `json:"-"` // what to do where it was skipped
	Worst *Tensor      `json:"-"` // the tensor with the largest local margin, for pictures
}

type (
	// Number is a float64 that JSON can carry.
	Number = judge.Number
	// Output is the difference of one output.
	Output = judge.Output
	// Element is where a tensor is worst.
	Element = judge.Element
)

// Layer is one node's output.
type Layer struct {
	Node   string `json:"node"`
	Op     string `json:"op"`
	Output string `json:"output"`
	Shape  []int  `json:"shape"`
	// Local judges the node by the inputs that the engine gave it.
	Local Element `json:"local"`
	// Cumulative judges the value by the reference's; nil where that was not asked for.
	Cumulative *Element `json:"cumulative,omitempty"`
	Problem    string   `json:"problem,omitempty"`

	node int
}

// Kind is the worst local margin of an operator.
type Kind struct {
	Op     string `json:"op"`
	Nodes  int    `json:"nodes"`
	Exact  bool   `json:"exact"` // it only moves or selects elements: no error is allowed
	Margin Number `json:"margin"`
}

// Tensor is a value with the margins of its elements.
type Tensor struct {
	Layer   Layer
	Margins []float64
}

// String names the layer.
func (l *Layer) String() string { return fmt.Sprintf("%s (%s)", l.Node, l.Op) }

// Skipped reports whether an engine could not be used.
func (r *Report) Skipped() bool { return r.any(Skipped) }

// Failed reports whether there is a finding: an engine disagreed with the reference, or there
// was nothing to agree on.
func (r *Report) Failed() bool {
	return r.Disagrees() || len(r.Nonfinite) > 0 && !r.NonfiniteAllowed
}

// Disagrees reports whether an engine disagreed with the reference.
func (r *Report) Disagrees() bool { return r.any(Fail) || r.Gradients != nil && !r.Gradients.OK }

func (r *Report) any(status string) bool {
	for _, x := range r.Results {
		if x.Status == status {
			return true
		}
	}
	return false
}

// fail notes the first thing wrong.
func (r *Result) fail(format string, args ...any) {
	if r.Status != Fail {
		r.Status, r.Reason = Fail, fmt.Sprintf(format, args...)
	}
}

// Described is an engine that can name its provider and settings.
type Described interface {
	Provider() string
	Settings() string
}

// Name writes an engine as --engines takes it.
func (r *Result) Name() string {
	s := r.Engine
	if r.Engine == "ort" {
		s += ":" + r.Provider
	}
	if r.Settings != "" {
		s += "@" + r.Settings
	}
	return s
}

// Describes reports whether the result is that of the engine.
func Describes(r Result, e runtime.Engine) bool {
	d := describe(e)
	return r.Engine == d.Engine && r.Provider == d.Provider && r.Settings == d.Settings
}

func describe(e runtime.Engine) Result {
	r := Result{Engine: engineName(e), Outputs: []Output{}}
	if d, ok := e.(Described); ok {
		r.Provider, r.Settings = d.Provider(), d.Settings()
	}
	return r
}
