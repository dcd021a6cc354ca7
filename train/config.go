// Package train trains ONNX models: the loop, optimizers, schedules, checkpoints and
// the record of a run. What it starts from and what it ends with is an onnx.Model;
// package runtime/gorgonia computes losses and gradients.
package train

import (
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"alexctl/data"
	"alexctl/fault"
	"alexctl/internal/nearest"
	"alexctl/internal/table"
	"alexctl/onnx"
	"alexctl/runtime/gorgonia"
)

// Config is the recipe of a run. Its JSON form is in the run's folder and in the
// metadata of the trained model.
type Config struct {
	Epochs      int      `json:"epochs"`
	Batch       int      `json:"batch"`
	Optimizer   string   `json:"optimizer"` // sgd, nesterov, adam or adamw
	LR          float64  `json:"lr"`        // the largest learning rate of the schedule
	Momentum    float64  `json:"momentum"`  // of sgd and nesterov
	WeightDecay float64  `json:"weight_decay"`
	Schedule    string   `json:"schedule"` // constant, step, cosine or onecycle
	Warmup      float64  `json:"warmup"`   // epochs over which the learning rate rises from zero; not for onecycle
	Smoothing   float64  `json:"label_smoothing"`
	Clip        float64  `json:"clip"`    // clip the gradient to this norm; 0 for no clipping
	Augment     string   `json:"augment"` // see data.ParseAugment
	Freeze      []string `json:"freeze"`  // patterns of initializers that are not trained
	Seed        uint64   `json:"seed"`
	ValSplit    float64  `json:"val_split"`       // the part of the training images held out
	Split       string   `json:"split,omitempty"` // how parts are drawn: class, the same of each; "" of all images at once
	Patience    int      `json:"patience"`        // epochs without a better validation accuracy before the run ends; 0 for all
	Threads     int      `json:"threads"`
	Kernels     string   `json:"kernels"`   // plain, onednn, or "" for the faster of those that are there
	Precision   string   `json:"precision"` // float32 or bf16
	// CheckpointSteps asks for a checkpoint every so many steps too; 0 for only after
	// epochs.
	CheckpointSteps int `json:"checkpoint_steps"`
	// CheckpointEvery is how many seconds pass before another epoch leaves a checkpoint; the
	// last one, and the best one where that is kept, always leave one. 0 is after each epoch.
	CheckpointEvery float64 `json:"checkpoint_every"`
	// Memory is gorgonia.Kernels.Memory, which is this machine's and not the run's.
	Memory int64 `json:"-"`
}

// ByClass is the split that draws the same part of each class.
const ByClass = "class"

// Default is the recipe without flags: chosen on a validation split of 10,000
// training images of Fashion-MNIST, cifar variant, among ten recipes.
func Default() Config {
	return Config{
		Epochs: 10, Batch: 64, Optimizer: "adamw", LR: 1e-3, Momentum: 0.9, WeightDecay: 0.01,
		Schedule: "onecycle", ValSplit: 0.05, Precision: "float32", CheckpointEvery: 30,
	}
}

// Steps in all that a network learns something in, and the most epochs to get there.
const (
	fewSteps   = 100
	someSteps  = 300
	mostEpochs = 100
)

// SmallBatch makes the batch fit few images: at least two steps an epoch, of 8 images or more.
func (c *Config) SmallBatch(images int) {
	for c.Batch > 8 && c.Batch > images/2 {
		c.Batch /= 2
	}
}

// MoreEpochs makes the epochs fit few images and the batch: some 300 steps in all. Where there
// are enough images nothing changes.
func (c *Config) MoreEpochs(images int) {
	c.Epochs = max(c.Epochs, min(mostEpochs, (someSteps-1)/c.steps(images)+1))
}

// Short reports whether a recipe ends before a network can have learned from so many images.
func (c *Config) Short(images int) (steps int, short bool) {
	steps = c.Epochs * c.steps(images)
	return steps, steps < fewSteps
}

// steps is those of an epoch, which leaves out images that do not fill a batch.
func (c *Config) steps(images int) int { return max(1, images/c.Batch) }

// For sets the learning rate and the weight decay that an optimizer usually has.
func (c *Config) For(optimizer string) {
	c.Optimizer = optimizer
	if k, err := table.Find(Optimizers(), "optimizer", optimizer); err == nil {
		c.LR, c.WeightDecay = k.LR, k.WeightDecay
	}
}

// KernelSet returns what computes.
func (c *Config) KernelSet() gorgonia.Kernels {
	return gorgonia.Kernels{Set: c.Kernels, Precision: c.Precision, Threads: c.Threads, Memory: c.Memory}
}

// Check reports everything that is wrong with the recipe, as fault.Usage.
func (c *Config) Check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	within := func(name string, v, lo, hi float64) {
		if !(v >= lo && v <= hi) {
			bad("%s is %g, want %g to %g", name, v, lo, hi)
		}
	}
	within("epochs", float64(c.Epochs), 1, 100_000)
	within("batch", float64(c.Batch), 1, 65_536)
	if !(c.LR > 0) || math.IsInf(c.LR, 0) {
		bad("the learning rate is %g, want a positive number", c.LR)
	}
	within("momentum", c.Momentum, 0, 0.9999)
	within("weight decay", c.WeightDecay, 0, 10)
	within("warm-up", c.Warmup, 0, float64(max(1, c.Epochs)))
	if x, _ := table.Find(schedules(), "schedule", c.Schedule); c.Warmup > 0 && x.warms {
		bad("%s has a warm-up of its own", x.name)
	}
	within("label smoothing", c.Smoothing, 0, 0.99)
	if !(c.Clip >= 0) || math.IsInf(c.Clip, 0) {
		bad("clip is %g, want a norm, or 0 for none", c.Clip)
	}
	within("the validation split", c.ValSplit, 0, 0.9)
	within("patience", float64(c.Patience), 0, 100_000)
	within("seconds between checkpoints", c.CheckpointEvery, 0, 1e9)
	within("checkpoint steps", float64(c.CheckpointSteps), 0, 1e12)
	within("threads", float64(c.Threads), 0, 1024)
	if c.Patience > 0 && c.ValSplit == 0 {
		bad("patience needs a validation split")
	}
	for _, choice := range []struct {
		what, name string
		names      []string
	}{
		{"optimizer", c.Optimizer, table.Names(Optimizers())},
		{"schedule", c.Schedule, Schedules()},
		{"split", c.Split, []string{"", ByClass}},
		{"precision", c.Precision, append([]string{""}, gorgonia.Precisions...)},
		{"kernels", c.Kernels, append([]string{""}, gorgonia.KernelSets...)},
	} {
		if !slices.Contains(choice.names, choice.name) {
			bad("unknown %s %q%s (known: %s)", choice.what, choice.name, nearest.Hint(choice.name, choice.names), strings.Join(choice.names, ", "))
		}
	}
	if _, err := data.ParseAugment(c.Augment); err != nil {
		bad("%w", err)
	}
	for _, p := range c.Freeze {
		if _, err := path.Match(p, ""); err != nil {
			bad("freeze pattern %q: %w", p, err)
		}
	}
	return fault.As(fault.Usage, errors.Join(errs...))
}

// normal returns the recipe with what is empty made nil, as JSON reads it.
func (c Config) normal() Config {
	if len(c.Freeze) == 0 {
		c.Freeze = nil
	}
	c.Memory = 0
	return c
}

// matches reports whether a pattern names something. A star matches any characters.
func matches(pattern, name string) bool {
	// A slash is a character like any other here. Check has seen the pattern.
	ok, _ := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(name, "/", "\x00"))
	return ok
}

// aliases returns what each initializer can be called in a pattern: its name, the
// nodes that read it, and the parts of their names between slashes, which are the
// modules of a model that PyTorch exported.
func aliases(m *onnx.Model) map[string][]string {
	names := map[string][]string{}
	for _, t := range m.Graph.Initializers {
		names[t.Name] = []string{t.Name}
	}
	for _, n := range m.Graph.Nodes {
		for _, in := range n.Inputs {
			if names[in] != nil {
				names[in] = append(append(names[in], n.Label()), strings.Split(n.Label(), "/")...)
			}
		}
	}
	return names
}

// CheckFreeze reports a pattern that names nothing in the model.
func (c *Config) CheckFreeze(m *onnx.Model) error {
	var all []string
	for _, names := range aliases(m) {
		all = append(all, names...)
	}
	slices.Sort(all)
	for _, p := range c.Freeze {
		if !slices.ContainsFunc(all, func(name string) bool { return matches(p, name) }) {
			return fault.New(fault.Usage, "freeze pattern %q names no initializer and no node of the model%s", p, nearest.Hint(p, all))
		}
	}
	return nil
}

// freezer reports whether a pattern names an initializer.
func (c *Config) freezer(m *onnx.Model) func(name string) bool {
	names := aliases(m)
	return func(initializer string) bool {
		return slices.ContainsFunc(names[initializer], func(name string) bool {
			return slices.ContainsFunc(c.Freeze, func(p string) bool { return matches(p, name) })
		})
	}
}
