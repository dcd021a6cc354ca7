package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// workload is a network, its input size and a batch.
type workload struct {
	variant string
	side    int
	batch   int
}

func (w workload) String() string { return fmt.Sprintf("%s %d, batch %d", w.variant, w.side, w.batch) }

func (w workload) args() []string {
	return []string{w.variant, strconv.Itoa(w.side), strconv.Itoa(w.batch)}
}

var workloads = []workload{{"cifar", 32, 128}, {"cifar", 32, 32}, {"pwc", 227, 32}, {"zhihu", 227, 32}, {"torchvision", 224, 32}}

// of keeps the workloads of the network that was asked for.
func (b *bench) of(list []workload) []workload {
	return slices.DeleteFunc(slices.Clone(list), func(w workload) bool { return b.network != "" && w.variant != b.network })
}

// peer returns the path of a peer's script.
func peer(name string) string { return filepath.Join("bench", "peers", name) }

// has reports whether the Python has some modules, and says so where it has not.
func (b *bench) has(ctx context.Context, modules string) bool {
	if exec.CommandContext(ctx, b.python, "-c", "import "+modules).Run() != nil {
		fmt.Printf("left out: %s cannot import %s (set -python)\n", b.python, modules)
		return false
	}
	return true
}

// torchSettings are the ways in which PyTorch trains: the layouts, the optimizer's forms,
// and compiled or not.
func (b *bench) torchSettings(w workload, precision string) []racer {
	var list []racer
	for _, form := range []string{"contiguous", "channels_last"} {
		for _, sgd := range []string{"default", "fused"} {
			for _, mode := range []string{"eager", "compile"} {
				list = append(list, racer{
					fmt.Sprintf("PyTorch %s, %s, SGD %s", mode, form, sgd),
					append([]string{b.python, peer("torch_step.py"), form, sgd, mode, precision}, w.args()...),
				})
			}
		}
	}
	return list
}

// ours is our own program as a racer: kind says what it works with.
func ours(name, kind string, args ...string) (racer, error) {
	self, err := os.Executable()
	return racer{name, append([]string{self, "-serve", kind}, args...)}, err
}

// step compares a training step (forward, backward, SGD with momentum and decay) with
// PyTorch at its best, stock Gorgonia and GoMLX, two threads each.
func (b *bench) step(ctx context.Context) error {
	torch := b.has(ctx, "torch, torchvision")
	for _, w := range b.of(workloads) {
		var racers []racer
		for _, kernels := range []string{"onednn", "plain"} {
			r, err := ours("alexctl, "+kernels, "step:"+kernels+":float32", w.args()...)
			if err != nil {
				return err
			}
			racers = append(racers, r)
		}
		if w.variant == "cifar" { // the others have what these lack, or take minutes
			r, err := ours("stock Gorgonia", "gorgonia", w.args()...)
			if err != nil {
				return err
			}
			racers = append(racers, r)
			if b.gomlx != "" {
				racers = append(racers, racer{"GoMLX, Go backend, step composed by hand", []string{b.gomlx, strconv.Itoa(w.batch)}})
			}
		}
		if torch {
			racers = append(racers, best(ctx, w.String(), b.torchSettings(w, "float32"))...)
		}
		if err := b.race(ctx, w.String(), w.batch, racers); err != nil {
			return err
		}
	}
	return nil
}

// bf16 compares the training step in bfloat16 with ours in float32 and PyTorch's autocast.
func (b *bench) bf16(ctx context.Context) error {
	torch := b.has(ctx, "torch, torchvision")
	for _, w := range b.of([]workload{workloads[0], workloads[3]}) {
		var racers []racer
		for _, precision := range []string{"bf16", "float32"} {
			r, err := ours("alexctl, onednn, "+precision, "step:onednn:"+precision, w.args()...)
			if err != nil {
				return err
			}
			racers = append(racers, r)
		}
		if torch {
			racers = append(racers, best(ctx, w.String()+", bf16", b.torchSettings(w, "bf16"))...)
		}
		if err := b.race(ctx, w.String()+", bf16", w.batch, racers); err != nil {
			return err
		}
	}
	return nil
}

// serve does a round of work for each line of the standard input: the kind of work, then
// what it is done on.
func serve(args []string) error {
	if len(args) < 4 {
		return fmt.Errorf("want -serve KIND VARIANT SIDE BATCH [MODEL]")
	}
	side, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	batch, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	w := workload{args[1], side, batch}
	kind := append(strings.Split(args[0], ":"), "", "")
	var work func() error
	switch kind[0] {
	case "gorgonia":
		work, err = stockStep(w)
	case "step":
		work, err = ourStep(w, kind[1], kind[2])
	case "infer":
		work, err = ourInference(w, kind[1], args[len(args)-1])
	default:
		err = fmt.Errorf("unknown work %q", args[0])
	}
	if err != nil {
		return err
	}
	return rounds(work)
}
