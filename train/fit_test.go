package train_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"alexctl/data"
	"alexctl/internal/hashed"
	"alexctl/onnx"
	"alexctl/preprocess"
	"alexctl/run"
	"alexctl/train"
)

// smallModel is a network for 12x12 grey images that has what a run depends on:
// dropout, batch normalization and a value that is used twice.
func smallModel(t testing.TB, classes int) *onnx.Model {
	t.Helper()
	g := &onnx.Graph{Name: "small"}
	weight := func(name string, dims ...int64) {
		w, err := hashed.Parameter(name, dims)
		if err != nil {
			t.Fatal(err)
		}
		g.Initializers = append(g.Initializers, w)
	}
	constant := func(name string, dims []int64, v float32) {
		n, _ := onnx.ElementCount(dims)
		w, err := onnx.FromFloat32s(name, dims, slices.Repeat([]float32{v}, int(n)))
		if err != nil {
			t.Fatal(err)
		}
		g.Initializers = append(g.Initializers, w)
	}
	weight("conv.weight", 8, 1, 3, 3)
	weight("conv.bias", 8)
	constant("bn.weight", []int64{8}, 1)
	constant("bn.bias", []int64{8}, 0)
	constant("bn.mean", []int64{8}, 0)
	constant("bn.var", []int64{8}, 1)
	weight("conv2.weight", 8, 8, 3, 3)
	weight("fc.weight", int64(classes), 8*36)
	weight("fc.bias", int64(classes))
	constant("ratio", nil, 0.25)
	add := func(opType, out string, in []string, attrs ...*onnx.Attribute) {
		g.Nodes = append(g.Nodes, &onnx.Node{Name: out, OpType: opType, Inputs: in, Outputs: []string{out}, Attributes: attrs})
	}
	same := onnx.IntsAttr("pads", 1, 1, 1, 1)
	add("Conv", "c1", []string{"input", "conv.weight", "conv.bias"}, same)
	add("BatchNormalization", "b1", []string{"c1", "bn.weight", "bn.bias", "bn.mean", "bn.var"})
	add("Relu", "r1", []string{"b1"})
	add("MaxPool", "p1", []string{"r1"}, onnx.IntsAttr("kernel_shape", 2, 2), onnx.IntsAttr("strides", 2, 2))
	add("Conv", "c2", []string{"p1", "conv2.weight"}, same)
	add("Add", "sum", []string{"c2", "p1"})
	add("Relu", "r2", []string{"sum"})
	add("Flatten", "flat", []string{"r2"})
	add("Dropout", "drop", []string{"flat", "ratio"})
	add("Gemm", "logits", []string{"drop", "fc.weight", "fc.bias"}, onnx.IntAttr("transB", 1))
	n := onnx.Symbol("N")
	g.Inputs = []*onnx.Value{{Name: "input", Type: onnx.TensorType(onnx.Float, onnx.Shape{n, onnx.Known(1), onnx.Known(12), onnx.Known(12)})}}
	g.Outputs = []*onnx.Value{{Name: "logits", Type: onnx.TensorType(onnx.Float, onnx.Shape{n, onnx.Known(int64(classes))})}}
	return &onnx.Model{IRVersion: 7, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: g}
}

// bars is a dataset of grey images with a bright bar whose height is the class.
type bars struct{ n, classes int }

func (b bars) Len() int        { return b.n }
func (b bars) Label(i int) int { return i % b.classes }

func (b bars) Image(i int) (*preprocess.Image, error) {
	m := &preprocess.Image{Width: 12, Height: 12, Channels: 1, Pix: make([]uint8, 144)}
	r := rand.New(rand.NewPCG(uint64(i), 7))
	for k := range m.Pix {
		m.Pix[k] = uint8(r.IntN(120))
		if k/12/2 == i%b.classes {
			m.Pix[k] += 100
		}
	}
	return m, nil
}

func smallInputs(t testing.TB) train.Inputs {
	t.Helper()
	in := train.Inputs{Train: bars{180, 6}, Val: bars{30, 6}, Test: bars{60, 6}, Classes: []string{"0", "1", "2", "3", "4", "5"}}
	s := preprocess.Plain(1, 12)
	if _, err := data.Normalize(in.Train, s); err != nil {
		t.Fatal(err)
	}
	in.Transform = &data.Transform{Spec: s, Augment: data.Augment{Pad: 0, Flip: true}}
	return in
}

func smallConfig() train.Config {
	c := train.Default()
	c.Epochs, c.Batch, c.Threads, c.Seed, c.Augment, c.LR = 4, 20, 2, 3, "flip", 0.01
	return c
}

// digest names the weights of a result.
func digest(t testing.TB, r *train.Result) string {
	t.Helper()
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(r.Weights)) {
		w := r.Weights[name]
		n, err := w.Len()
		if err != nil {
			t.Fatal(err)
		}
		raw := make([]byte, 4*n)
		if err := w.ReadRaw(raw, 0); err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(h, "%s %d\n", name, n)
		_, _ = h.Write(raw)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// fit runs the small model.
func fit(t testing.TB, ctx context.Context, c train.Config, dir string, resume bool, on func(train.Event)) (*train.Result, error) { //nolint:revive // as testing has it
	t.Helper()
	folder, err := run.Claim(dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := folder.Close(); err != nil {
			t.Error(err)
		}
	}()
	r, err := train.New(smallModel(t, 6), smallInputs(t), c, folder.Memory(), on)
	if err != nil {
		t.Fatal(err)
	}
	return r.Fit(ctx, resume)
}

func mustFit(t testing.TB, c train.Config, dir string, resume bool) *train.Result {
	t.Helper()
	r, err := fit(t, context.Background(), c, dir, resume, func(train.Event) {})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFitLearnsAndRepeats(t *testing.T) {
	c := smallConfig()
	dir := t.TempDir()
	first, second := mustFit(t, c, dir, false), mustFit(t, c, t.TempDir(), false)
	if a := first.Test.Accuracy(); a < 0.95 {
		t.Errorf("test accuracy %.2f of an easy task", a)
	}
	if digest(t, first) != digest(t, second) {
		t.Error("two runs of one seed differ")
	}
	if len(first.Weights) != 9 {
		t.Errorf("%d weights come back, want 7 that are trained and 2 running statistics", len(first.Weights))
	}
	for _, name := range []string{"metrics.csv", "metrics.jsonl", "loss.png", "accuracy.png", "confusion.png"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if again := mustFit(t, c, dir, true); digest(t, again) != digest(t, first) {
		t.Error("resuming a finished run changes its weights")
	}
	c.Seed++
	if digest(t, mustFit(t, c, t.TempDir(), false)) == digest(t, first) {
		t.Error("another seed gives the same weights")
	}
}

func TestFreeze(t *testing.T) {
	c := smallConfig()
	c.Freeze, c.Epochs = []string{"conv*", "bn.*"}, 1
	r := mustFit(t, c, t.TempDir(), false)
	var names []string
	for name := range r.Weights {
		names = append(names, name)
	}
	slices.Sort(names)
	if got := strings.Join(names, " "); got != "fc.bias fc.weight" {
		t.Errorf("trained: %s", got)
	}
}

// TestInterruptedRunGoesOn stops a run after every number of steps in turn, as Ctrl-C
// does, and wants the weights of the run that was never stopped.
func TestInterruptedRunGoesOn(t *testing.T) {
	c := smallConfig()
	c.Optimizer, c.Epochs = "nesterov", 3
	c.LR = 0.01
	want := digest(t, mustFit(t, c, t.TempDir(), false))
	for _, after := range []int{1, 8, 9, 10, 26, 27} {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(context.Background())
		steps := 0
		_, err := fit(t, ctx, c, dir, false, func(e train.Event) {
			if _, ok := e.(*train.StepEvent); ok {
				if steps++; steps == after {
					cancel()
				}
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("after %d steps: %v", after, err)
		}
		if got := digest(t, mustFit(t, c, dir, true)); got != want {
			t.Errorf("a run stopped after %d steps ends otherwise", after)
		}
	}
}

// killedEnv makes this test binary a run that TestKilledRunGoesOn kills.
const killedEnv = "ALEXCTL_TEST_KILLED_RUN"

func killedConfig() train.Config {
	c := smallConfig()
	c.CheckpointSteps = 2
	return c
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(killedEnv); dir != "" {
		t := &testing.T{}
		if _, err := fit(t, context.Background(), killedConfig(), dir, true, func(train.Event) {}); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestKilledRunGoesOn kills a run with SIGKILL at 30 random moments. What is left must
// always go on, and end with the weights of the run that was never killed.
func TestKilledRunGoesOn(t *testing.T) {
	want := digest(t, mustFit(t, killedConfig(), t.TempDir(), false))
	r := rand.New(rand.NewPCG(11, 3))
	dir := t.TempDir()
	start := func() *exec.Cmd {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), killedEnv+"="+dir)
		var out strings.Builder
		c.Stderr = &out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	began := time.Now()
	if err := start().Wait(); err != nil {
		t.Fatal(err)
	}
	whole := time.Since(began)
	dir = t.TempDir()
	for kills := 0; kills < 30; {
		c := start()
		time.Sleep(time.Duration(r.Int64N(int64(whole))))
		_ = c.Process.Kill() // it may have ended by now
		err := c.Wait()
		var exit *exec.ExitError
		switch {
		case errors.As(err, &exit) && exit.ExitCode() == -1: // killed
			kills++
		case err == nil: // it had ended before: another one
			dir = t.TempDir()
		default:
			t.Fatalf("after %d kills the run does not go on: %v: %s", kills, err, c.Stderr)
		}
	}
	if got := digest(t, mustFit(t, killedConfig(), dir, true)); got != want {
		t.Error("the killed run ends otherwise")
	}
	left, _ := filepath.Glob(filepath.Join(dir, "checkpoints", "*"))
	if len(left) > 3 {
		t.Errorf("%d files are left in checkpoints: %v", len(left), left)
	}
}

// TestDamagedCheckpoint passes over a checkpoint whose checksum is wrong.
func TestDamagedCheckpoint(t *testing.T) {
	c := smallConfig()
	c.CheckpointEvery = 0
	want := digest(t, mustFit(t, c, t.TempDir(), false))
	dir := t.TempDir()
	ctx, stop := context.WithCancel(context.Background())
	if _, err := fit(t, ctx, c, dir, false, func(e train.Event) {
		if e, ok := e.(*train.EpochEvent); ok && e.Epoch == 3 {
			stop()
		}
	}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "checkpoints", "*.ckpt"))
	if err != nil || len(names) < 2 {
		t.Fatalf("%v, %v", names, err)
	}
	newest := names[len(names)-1]
	b, err := os.ReadFile(newest)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2]++
	if err := os.WriteFile(newest, b, 0o644); err != nil {
		t.Fatal(err)
	}
	var warned []string
	r, err := fit(t, context.Background(), c, dir, true, func(e train.Event) {
		if w, ok := e.(*train.WarningEvent); ok {
			warned = append(warned, w.Warning)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(warned) != 1 || !strings.Contains(warned[0], "checksum") {
		t.Errorf("warnings: %q", warned)
	}
	if digest(t, r) != want {
		t.Error("the run ends otherwise")
	}
	if names, err = filepath.Glob(filepath.Join(dir, "checkpoints", "*.ckpt")); err != nil || len(names) != 1 {
		t.Errorf("after the end: %v, %v", names, err)
	}
	for _, name := range names {
		if err := os.WriteFile(name, []byte("nothing"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err = fit(t, context.Background(), c, dir, true, func(train.Event) {})
	if err == nil || !strings.Contains(err.Error(), "checkpoint") {
		t.Errorf("with every checkpoint damaged: %v", err)
	}
}

// TestOneProcessARun starts a run while it is under way.
func TestOneProcessARun(t *testing.T) {
	c := smallConfig()
	dir := t.TempDir()
	tried := false
	_, err := fit(t, context.Background(), c, dir, false, func(e train.Event) {
		if _, ok := e.(*train.StepEvent); ok && !tried {
			tried = true
			if _, err := fit(t, context.Background(), c, dir, true, func(train.Event) {}); !errors.Is(err, run.ErrLocked) {
				t.Errorf("a second run beside it: %v", err)
			}
		}
	})
	if err != nil || !tried {
		t.Errorf("tried %t, error %v", tried, err)
	}
}

func TestDivergenceIsNamed(t *testing.T) {
	c := smallConfig()
	c.Optimizer, c.LR, c.Schedule, c.Epochs = "sgd", 1e20, "constant", 2
	_, err := fit(t, context.Background(), c, t.TempDir(), false, func(train.Event) {})
	var diverged *train.DivergedError
	if !errors.As(err, &diverged) || diverged.Where == "" || diverged.Step < 1 {
		t.Fatalf("error is %v", err)
	}
	t.Log(err)
}

func TestNotLearningIsSaid(t *testing.T) {
	c := smallConfig()
	c.Optimizer, c.LR, c.Schedule, c.Epochs = "sgd", 1e-9, "constant", 20
	m := smallModel(t, 6)
	zero, err := onnx.FromFloat32s("fc.weight", []int64{6, 8 * 36}, make([]float32, 6*8*36))
	if err != nil {
		t.Fatal(err)
	}
	g, err := m.Graph.WithInitializers(map[string]*onnx.Tensor{"fc.weight": zero})
	if err != nil {
		t.Fatal(err)
	}
	said := false
	r, err := train.New(m.WithGraph(g), smallInputs(t), c, train.Memory{}, func(e train.Event) {
		if w, ok := e.(*train.WarningEvent); ok {
			said = said || strings.Contains(w.Warning, "not learning")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Fit(t.Context(), false); err != nil || !said {
		t.Errorf("said %t, error %v", said, err)
	}
}

// TestPatience ends early and keeps the best epoch.
func TestPatience(t *testing.T) {
	c := smallConfig()
	c.Epochs, c.Patience, c.LR, c.Schedule = 40, 2, 1e-3, "constant"
	r := mustFit(t, c, t.TempDir(), false)
	if len(r.Epochs) >= 40 || r.Epoch >= len(r.Epochs) {
		t.Errorf("%d epochs were run, the weights are of epoch %d", len(r.Epochs), r.Epoch)
	}
	best := 0.0
	for _, e := range r.Epochs {
		best = max(best, *e.ValAccuracy)
	}
	if *r.Epochs[r.Epoch-1].ValAccuracy != best {
		t.Errorf("epoch %d is kept, and another was better", r.Epoch)
	}
}
