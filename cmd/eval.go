package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"alexctl/card"
	"alexctl/classify"
	"alexctl/data"
	"alexctl/fault"
	"alexctl/internal/regular"
	"alexctl/onnx"
	"alexctl/runtime/gorgonia"
	"alexctl/train"
	"alexctl/verify"
)

type evalOptions struct {
	engineFlags
	modelFlag
	classify.Options
	data     string
	dataDir  string
	part     string
	limit    int
	pixels   float64 // of an image at most, in millions
	seed     uint64
	classMap string
}

func (a *app) evalCommand() *cobra.Command {
	var o evalOptions
	c := &cobra.Command{
		Use:   "eval [model]",
		Short: "Measure a classifier's accuracy on labelled images",
		Long: `Run a classifier on a dataset and report its accuracy, each class by itself, and the
confusion matrix. Images are preprocessed as the model's metadata says.`,
		Example: `  alexctl eval trained.onnx --data sample
  alexctl eval trained.onnx --data fashion-mnist --engine gorgonia
  alexctl eval pets.onnx --data photos/ --json`,
		Args: oneModel(" (images go behind --data)"),
		RunE: func(c *cobra.Command, args []string) error { return a.eval(c, args, o) },
	}
	o.engineFlags.register(c)
	o.modelFlag.register(c)
	f := c.Flags()
	f.StringVarP(&o.data, "data", "d", "sample", "a dataset, or a folder with a folder of images for each class")
	f.StringVar(&o.dataDir, "data-dir", "", "the folder that holds the dataset's files")
	f.StringVar(&o.part, "part", "test", "which images: test, train or all")
	f.IntVar(&o.limit, "limit", 0, "use only the first N images")
	f.IntVar(&o.Batch, "batch", 64, "how many images to run at once")
	f.Uint64Var(&o.seed, "seed", 0, "seed of random choices: the test part of a folder that has none (default: the seed that the model was trained with)")
	f.StringVar(&o.classMap, "class-map", "", `which class of the model each of the data's is, where their names differ: "order", or a JSON file {"data's": "model's"}`)
	classifierFlags(c, &o.Options, &o.pixels)
	return c
}

// evaluated is the JSON result of eval.
type evaluated struct {
	Model     string           `json:"model"`
	Data      string           `json:"data"`
	Part      string           `json:"part"`
	Engine    string           `json:"engine"`
	Images    int              `json:"images"`
	Accuracy  float64          `json:"accuracy"`
	Loss      verify.Number    `json:"loss"`
	Classes   []evaluatedClass `json:"classes"`
	Confusion [][]int          `json:"confusion"` // by true class, then by predicted class
}

type evaluatedClass struct {
	Label     string   `json:"label"`
	Images    int      `json:"images"`
	Recall    *float64 `json:"recall"`    // null without images of the class
	Precision *float64 `json:"precision"` // null where no image was put in the class
}

func (a *app) eval(c *cobra.Command, args []string, o evalOptions) (err error) {
	ctx := c.Context()
	if !slices.Contains([]string{"test", "train", "all"}, o.part) {
		return usage("--part %q: want test, train or all", o.part)
	}
	if o.Batch < 1 || o.Batch > classify.MaxBatch || o.limit < 0 {
		return usage("--batch must be 1 to %d and --limit not negative", classify.MaxBatch)
	}
	mapping, err := classMap(o.classMap)
	if err != nil {
		return err
	}
	if o.Images, err = a.imageLimits(o.pixels); err != nil {
		return err
	}
	if args, err = o.arguments(args); err != nil {
		return err
	}
	m, path, err := a.openRunnable(args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if len(args) == 0 {
		a.say("note: no model is named: it is %s", path)
	}
	if !c.Flags().Changed("data") {
		a.say("note: no --data: the images are those of the built-in sample")
	}
	engine, err := a.engine(ctx, o.engineFlags, 0)
	if err != nil {
		return err
	}
	plan, err := classify.NewPlan(m, o.Options)
	if err != nil {
		return err
	}
	by := splitOf(c, m, &o.seed)
	set, images, err := a.evalImages(ctx, o, by)
	if err != nil {
		return err
	}
	classes, images, err := a.matchClasses(plan, set, images, mapping)
	if err != nil {
		return err
	}
	if s := splitNote(m, o.part, set); s != "" {
		a.say("note: %s", s)
	}
	classifier, err := classify.New(ctx, m, engine, o.Options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, classifier.Close()) }()
	a.sayPlan(plan)
	a.sayLong(inferring.takes(m, nil, images.Len()))
	bar := a.progress(images.Len(), "images")
	e, err := classifier.Evaluate(ctx, images, len(classes), bar.add)
	bar.done()
	a.sayDefined(gorgonia.LayersOf(classifier.Session()))
	if err = a.broken(ctx, err, images); err != nil {
		return err
	}
	r := newEvaluated(e, classes)
	r.Model, r.Data, r.Part, r.Engine = path, set.Name, o.part, engine.Name()
	if a.json {
		err = a.printJSON(r)
	} else {
		err = a.printEvaluated(r)
	}
	if err != nil {
		return err
	}
	a.next("alexctl infer --model %s image.png", shellWord(path))
	return nil
}

// splitOf returns how a folder is taken apart, and sets the seed where no flag says it: as it
// was for the model's training.
func splitOf(c *cobra.Command, m *onnx.Model, seed *uint64) (byClass bool) {
	own, _ := card.Read(m) // a card that cannot be read says nothing of it
	s := own.Training.Split()
	if s == nil {
		return true
	}
	if !c.Flags().Changed("seed") {
		*seed = s.Seed
	}
	return s.By == train.ByClass
}

// evalImages returns the dataset and the images of it that are asked for.
func (a *app) evalImages(ctx context.Context, o evalOptions, byClass bool) (*data.Set, data.Dataset, error) {
	set, err := a.openData(ctx, o.data, data.Options{Dir: o.dataDir, Seed: o.seed, ByClass: byClass, Images: o.Images})
	if err != nil {
		return nil, nil, err
	}
	images := set.Test
	switch {
	case o.part == "all" && set.Test != nil:
		images = data.Together(set.Train, set.Test)
	case o.part != "test":
		images = set.Train
	case set.Drawn && images != nil:
		a.say("note: %s has no test part: %s of it, chosen at random with seed %d, are evaluated (--part all evaluates all of them)", set.Name, counted(images.Len(), "image"), o.seed)
	}
	if images == nil || images.Len() == 0 {
		return nil, nil, fault.New(fault.Invalid, "%s has no %s images (see: --part)", set.Name, o.part)
	}
	if o.limit > 0 {
		images = data.Limit(images, o.limit, o.seed)
	}
	return set, images, nil
}

// splitNote says that images are evaluated that the model may have been trained on.
func splitNote(m *onnx.Model, part string, set *data.Set) string {
	own, err := card.Read(m)
	if err != nil || own.Training == nil {
		return ""
	}
	t := own.Training
	if all := set.Train.Len() + length(set.Test); part == "test" && set.Drawn && t.TestImages > 0 && length(set.Test) != t.TestImages {
		return fmt.Sprintf("%s has %d images now, of which other ones may be drawn than when the model was trained, with %d to test: it may have been trained on some of these", set.Name, all, t.TestImages)
	}
	if part == "test" {
		return ""
	}
	return fmt.Sprintf("these are also the images of %s that are for training: the model may have been trained on them", set.Name)
}

// matchClasses returns the model's classes and the images with their numbers.
func (a *app) matchClasses(p *classify.Plan, set *data.Set, images data.Dataset, m data.Mapping) ([]string, data.Dataset, error) {
	numbers, err := data.Match(p.Labels, set.Classes, m)
	if err != nil {
		return nil, nil, err
	}
	classes := p.Labels
	if classes == nil {
		classes = set.Classes
	}
	if n := p.Classes(); n > 0 && n != len(classes) {
		return nil, nil, fault.New(fault.Invalid, "the model has %d classes, %s has %d", n, set.Name, len(classes)).
			Hint(fault.Hint{Text: "name the data that it was trained for, or another model", Option: fault.Data})
	}
	if m.Order && p.Labels != nil {
		a.sayPairs(set.Classes, p.Labels)
	}
	if slices.Equal(classes, set.Classes) {
		return classes, images, nil
	}
	if !m.Order {
		a.say("note: classes are matched by name: %s has %d of the model's %d", set.Name, len(set.Classes), len(classes))
	}
	return classes, data.Relabel(images, numbers), nil
}

// sayPairs says which class of the model each class of the data is taken for.
func (a *app) sayPairs(names, model []string) {
	var pairs []string
	for i, name := range names {
		if name != model[i] {
			pairs = append(pairs, fmt.Sprintf("%s for %s", name, model[i]))
		}
	}
	if len(pairs) > 0 {
		a.say("note: the data's classes are taken in their order: %s", data.Brief(pairs))
	}
}

// classMap reads --class-map: "order", or a file with a JSON object of the data's names and the
// model's.
func classMap(given string) (m data.Mapping, err error) {
	if m.Order = given == "order"; m.Order || given == "" {
		return m, nil
	}
	b, err := regular.Read(given, 1<<20)
	if errors.Is(err, os.ErrNotExist) {
		return m, fault.New(fault.Invalid, "--class-map %s: neither \"order\" nor a file", given)
	}
	if err != nil {
		return m, fault.As(fault.Invalid, err)
	}
	if err := json.Unmarshal(b, &m.Names); err != nil {
		return m, fault.New(fault.Invalid, "%s: want a JSON object, {\"name in the data\": \"name in the model\"}: %w", given, err)
	}
	return m, nil
}

func newEvaluated(e *train.Evaluation, classes []string) *evaluated {
	r := &evaluated{Images: e.Images, Accuracy: e.Accuracy(), Loss: verify.Number(e.Loss), Confusion: e.Confusion}
	for c, label := range classes {
		of, as := 0, 0
		for k := range classes {
			of += e.Confusion[c][k]
			as += e.Confusion[k][c]
		}
		k := evaluatedClass{Label: label, Images: of}
		right := float64(e.Confusion[c][c])
		if of > 0 {
			v := right / float64(of)
			k.Recall = &v
		}
		if as > 0 {
			v := right / float64(as)
			k.Precision = &v
		}
		r.Classes = append(r.Classes, k)
	}
	return r
}

// maxConfusion is how many classes the confusion matrix is printed for.
const maxConfusion = 20

func (a *app) printEvaluated(r *evaluated) error {
	percent := func(v *float64) string {
		if v == nil {
			return "-"
		}
		return fmt.Sprintf("%.1f%%", 100**v)
	}
	t := newTable(table.Row{"class", "images", "recall", "precision"}, "images", "recall", "precision")
	for _, c := range r.Classes {
		t.AppendRow(table.Row{c.Label, c.Images, percent(c.Recall), percent(c.Precision)})
	}
	if err := a.printTable(t); err != nil {
		return err
	}
	if err := a.print("\n"); err != nil {
		return err
	}
	if len(r.Classes) <= maxConfusion {
		header := table.Row{"true \\ predicted"}
		numbers := []string{}
		for i := range r.Classes {
			header, numbers = append(header, fmt.Sprint(i)), append(numbers, fmt.Sprint(i))
		}
		t := newTable(header, numbers...)
		for i, row := range r.Confusion {
			line := table.Row{fmt.Sprintf("%d %s", i, r.Classes[i].Label)}
			for _, n := range row {
				line = append(line, strings.TrimPrefix(fmt.Sprint(n), " "))
			}
			t.AppendRow(line)
		}
		if err := a.printTable(t); err != nil {
			return err
		}
	}
	return a.prose("\n%s on %s (%s, %s): %.2f%% of %d images right, cross entropy %.4f\n", r.Model, r.Data, r.Part, r.Engine,
		100*r.Accuracy, r.Images, float64(r.Loss))
}
