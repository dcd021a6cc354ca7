package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"alexctl/builder"
	"alexctl/internal/digest"
	"alexctl/onnx"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/train"
	"alexctl/verify"
)

// trainingKey is the metadata key of how a model was trained: JSON.
const trainingKey = "alexctl.training"

// verifiedImages is how many real images an export is verified on.
const verifiedImages = 8

// trained is the last line of train's JSON result.
type trained struct {
	Event        string   `json:"event"` // "done"
	Model        string   `json:"model"`
	Run          string   `json:"run"`
	TestAccuracy *float64 `json:"test_accuracy"` // null without test images
	Verified     bool     `json:"verified"`
	Epoch        int      `json:"epoch"`
	SHA256       string   `json:"sha256"`
}

// exportEngines checks the engines that an export is verified with.
func (a *app) exportEngines(ctx context.Context) error {
	engines, err := a.verifyEngines([]string{"cpu"}, 0)
	if err != nil {
		return err
	}
	for _, e := range engines {
		if err := e.Check(ctx); err != nil {
			return err
		}
	}
	return nil
}

// export puts the trained weights back into the graph and writes the file, which
// gets its name when the engines agree on real images.
func (a *app) export(ctx context.Context, r *trainRun, result *train.Result) error {
	m, err := r.trainedModel(result)
	if err != nil {
		return err
	}
	unverified := strings.TrimSuffix(r.Output, ".onnx") + ".unverified.onnx"
	written, err := m.WriteFile(ctx, unverified, onnx.WriteOptions{})
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return environment(err)
	}
	report, err := a.verifyExport(ctx, r, unverified)
	if ctx.Err() != nil {
		a.resumable(r)
	}
	if err != nil {
		return fmt.Errorf("%s is written and could not be verified: %w", unverified, err)
	}
	done := trained{Event: "done", Model: r.Output, Run: r.dir, Verified: report.OK, Epoch: result.Epoch, SHA256: written.SHA256}
	if result.Test != nil {
		accuracy := result.Test.Accuracy()
		done.TestAccuracy = &accuracy
	}
	if !report.OK {
		done.Model = unverified
	} else if err := os.Rename(unverified, r.Output); err != nil {
		return environment(err)
	}
	if a.json {
		err = a.printJSON(done)
	} else {
		err = a.printTrained(r, result, done, report)
	}
	if err != nil {
		return err
	}
	if !report.OK {
		a.next("alexctl verify %s", shellWord(unverified))
		return silent(exitFinding)
	}
	a.next("alexctl infer --model %s image.png", shellWord(r.Output))
	return nil
}

// trainedModel is the model that training began with, holding the trained weights
// and the story of the run.
func (r *trainRun) trainedModel(result *train.Result) (*onnx.Model, error) {
	g, err := r.model.Graph.WithInitializers(result.Weights)
	if err != nil {
		return nil, err
	}
	m := r.model.WithGraph(g)
	if r.Strip {
		m = train.Strip(m)
	}
	story := map[string]any{
		"model": filepath.Base(r.Model), "data": filepath.Base(r.Data), "images": r.Images, "epoch": result.Epoch, "recipe": r.Recipe, "kernels": r.Kernels,
	}
	if result.Test != nil {
		story["test_accuracy"], story["test_images"] = result.Test.Accuracy(), result.Test.Images
	}
	text, err := json.Marshal(story)
	if err != nil {
		return nil, err
	}
	m.SetProperty(builder.TrainedKey, "yes")
	m.SetProperty(trainingKey, string(text))
	return m, nil
}

// verifyExport compares the reference with Gorgonia and ONNX Runtime on real images,
// as inference would see them.
func (a *app) verifyExport(ctx context.Context, r *trainRun, path string) (report *verify.Report, err error) {
	m, _, err := openSound([]string{path})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	images := r.inputs.Test
	if images == nil {
		images = r.inputs.Train
	}
	p, err := newPredictor(m, "")
	if err != nil {
		return nil, err
	}
	n := p.batchSize(min(verifiedImages, images.Len()))
	x := make([]float32, n*p.spec.Len())
	for i := range n {
		image, err := images.Image(i * images.Len() / n)
		if err == nil {
			err = p.spec.Apply(image, x[i*p.spec.Len():(i+1)*p.spec.Len()])
		}
		if err != nil {
			return nil, invalid(err)
		}
	}
	engines, err := a.verifyEngines([]string{"cpu"}, 0)
	if err != nil {
		return nil, err
	}
	engines = append([]runtime.Engine{gorgonia.Engine{Kernels: gorgonia.Kernels{Set: r.Recipe.Kernels, Threads: r.Recipe.Threads}}}, engines...)
	report, err = verify.Compare(ctx, m, engines, []runtime.Tensors{p.batchOf(n, x)}, verify.Options{
		Threads: a.threads, Decisions: true, Conditioned: true, Progress: func(engine string) { a.say("verifying on %s", engine) }})
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, invalid(err)
	}
	report.Inputs = counted(n, "image") + " of the data"
	report.Model.Path = path
	if report.Model.SHA256, err = digest.File(path); err != nil {
		return nil, environment(err)
	}
	return report, nil
}

func (a *app) printTrained(r *trainRun, result *train.Result, done trained, report *verify.Report) error {
	if err := a.printReport(report); err != nil {
		return err
	}
	line := fmt.Sprintf("%s: %s trained on %s for %s", done.Model, r.Model, filepath.Base(r.Data), counted(result.Epoch, "epoch"))
	if result.Test != nil {
		line += fmt.Sprintf(", %.2f%% of %d test images right", 100*result.Test.Accuracy(), result.Test.Images)
	}
	return a.print("%s\nsha256 %s\nrun %s\n", line, done.SHA256, r.dir)
}
