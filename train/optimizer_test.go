package train_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"alexctl/kernel"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/runtimetest"
	"alexctl/train"
)

// sameFormula is the largest scaled difference from PyTorch in float64 where only
// the order of a few operations can differ.
const sameFormula = 1e-12

type torchOptimizers struct {
	Start      []float64   `json:"start"`
	Gradients  [][]float64 `json:"gradients"`
	Optimizers []struct {
		Name  string      `json:"name"`
		Decay float64     `json:"decay"`
		Clip  float64     `json:"clip"`
		Steps [][]float64 `json:"steps"`
	} `json:"optimizers"`
	OneCycle []struct {
		Total int       `json:"total"`
		Rates []float64 `json:"rates"`
	} `json:"onecycle"`
	CrossEntropy struct {
		Logits []float64    `json:"logits"`
		Labels []float64    `json:"labels"`
		Losses [][2]float64 `json:"losses"`
	} `json:"cross_entropy"`
}

func readOptimizers(t *testing.T) torchOptimizers {
	t.Helper()
	text, err := os.ReadFile("testdata/optimizers.json")
	if err != nil {
		t.Fatal(err)
	}
	var g torchOptimizers
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestOptimizersEqualPyTorch(t *testing.T) {
	g := readOptimizers(t)
	for _, want := range g.Optimizers {
		c := train.Default()
		c.Optimizer, c.WeightDecay, c.Clip = want.Name, want.Decay, want.Clip
		p := &gorgonia.Parameter[float64]{Name: "w", Data: append([]float64{}, g.Start...)}
		o := train.NewOptimizer(c, []*gorgonia.Parameter[float64]{p}, kernel.Goroutines(3))
		for k, gradient := range g.Gradients {
			grads := [][]float64{gradient}
			o.Begin(0.1 / float64(k+1))
			if _, err := o.End(grads); err != nil {
				t.Fatal(err)
			}
			if e := runtimetest.Compare(p.Data, want.Steps[k]).Scaled; !(e <= sameFormula) {
				t.Errorf("%s, decay %g, clip %g: step %d differs by %.3g", want.Name, want.Decay, want.Clip, k, e)
			}
		}
	}
}

func TestOneCycleEqualsPyTorch(t *testing.T) {
	for _, want := range readOptimizers(t).OneCycle {
		c := train.Default()
		c.LR = 0.001
		stride := max(1, want.Total/20)
		for i, rate := range want.Rates {
			step := min(i*stride, want.Total-1)
			if i == len(want.Rates)-1 {
				step = want.Total - 1
			}
			if got := c.Rate(step, want.Total, 10); math.Abs(got-rate) > 1e-15 {
				t.Errorf("step %d of %d: rate %g, want %g", step, want.Total, got, rate)
			}
		}
	}
}

func TestSchedules(t *testing.T) {
	for _, w := range []struct {
		schedule string
		warmup   float64
		step     int
		want     float64
	}{
		{"constant", 0, 0, 1},
		{"constant", 0, 99, 1},
		{"constant", 2, 0, 1. / 20},
		{"constant", 2, 19, 1},
		{"step", 0, 49, 1},
		{"step", 0, 50, 0.1},
		{"step", 0, 75, 0.01},
		{"cosine", 0, 0, 1},
		{"cosine", 0, 50, 0.5},
		{"cosine", 1, 55, 0.5}, // half of what follows the ten steps of warm-up
	} {
		c := train.Default()
		c.LR, c.Schedule, c.Warmup = 1, w.schedule, w.warmup
		if got := c.Rate(w.step, 100, 10); math.Abs(got-w.want) > 1e-12 {
			t.Errorf("%s with warm-up %g: step %d has the rate %g, want %g", w.schedule, w.warmup, w.step, got, w.want)
		}
	}
}

// TestEveryOptimizerIsCompared wants PyTorch's numbers for each optimizer of the table.
func TestEveryOptimizerIsCompared(t *testing.T) {
	compared := map[string]bool{}
	for _, want := range readOptimizers(t).Optimizers {
		compared[want.Name] = true
	}
	for _, k := range train.Optimizers() {
		if !compared[k.Name] {
			t.Errorf("%s is not compared with PyTorch: %v", k.Name, compared)
		}
	}
}

// TestEverySchedule wants a learning rate for each schedule of the table that a recipe may
// name, that is neither negative nor above the largest, and none for one that is not in it.
func TestEverySchedule(t *testing.T) {
	for _, name := range append(train.Schedules(), "none") {
		c := train.Default()
		c.Schedule = name
		err := c.Check()
		for step := range 100 {
			if got := c.Rate(step, 100, 10); (err == nil) != (got >= 0 && got <= c.LR) {
				t.Errorf("%s: step %d has the rate %g; the recipe: %v", name, step, got, err)
			}
		}
	}
}

func TestCrossEntropyEqualsPyTorch(t *testing.T) {
	g := readOptimizers(t).CrossEntropy
	for _, w := range g.Losses {
		p, err := kernel.Plain[float64](kernel.Goroutines(2)).Plan(kernel.CrossEntropy{N: len(g.Labels), C: len(g.Logits) / len(g.Labels), Smoothing: w[0]})
		if err != nil {
			t.Fatal(err)
		}
		y := []float64{0}
		p.Forward(y, g.Logits, g.Labels)
		if math.Abs(y[0]-w[1]) > 1e-12 {
			t.Errorf("label smoothing %g: loss %g, want %g", w[0], y[0], w[1])
		}
	}
}

func TestBadConfigs(t *testing.T) {
	for name, change := range map[string]func(*train.Config){
		"epochs":    func(c *train.Config) { c.Epochs = 0 },
		"batch":     func(c *train.Config) { c.Batch = -1 },
		"optimizer": func(c *train.Config) { c.Optimizer = "adamx" },
		"schedule":  func(c *train.Config) { c.Schedule = "linear" },
		"rate":      func(c *train.Config) { c.LR = math.NaN() },
		"decay":     func(c *train.Config) { c.WeightDecay = -1 },
		"smoothing": func(c *train.Config) { c.Smoothing = 1 },
		"clip":      func(c *train.Config) { c.Clip = math.Inf(1) },
		"augment":   func(c *train.Config) { c.Augment = "flap" },
		"freeze":    func(c *train.Config) { c.Freeze = []string{"[a"} },
		"patience":  func(c *train.Config) { c.Patience, c.ValSplit = 3, 0 },
		"warm-up":   func(c *train.Config) { c.Warmup = 1 }, // with onecycle
	} {
		c := train.Default()
		change(&c)
		if c.Check() == nil {
			t.Errorf("%s: %+v was accepted", name, c)
		}
	}
}
