package cmd

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"alexctl/card"
	"alexctl/classify"
	"alexctl/data"
	"alexctl/export"
	"alexctl/fault"
	"alexctl/internal/beside"
	"alexctl/internal/regular"
	"alexctl/onnx"
	"alexctl/preprocess"
	"alexctl/runtime"
	"alexctl/verify"
	"alexctl/verify/report"
)

// inputFlags say what engines are fed in a comparison.
type inputFlags struct {
	seed        uint64
	batch       int
	runs        int
	dims        []string
	ranges      []string
	images      []string
	classifier  classify.Options
	pixels      float64 // of an image at most, in millions
	files       []string
	data        string
	dataDir     string
	limit       int
	saveInputs  string
	saveOutputs string
}

func (o *inputFlags) register(c *cobra.Command) {
	f := c.Flags()
	f.Uint64Var(&o.seed, "seed", 0, "seed of the random inputs")
	f.IntVar(&o.batch, "batch", 1, "batch size where the model leaves it open; images of --data in a batch")
	f.IntVar(&o.runs, "runs", 1, "how many random inputs")
	f.StringArrayVar(&o.dims, "dim", nil, "size of another symbolic dimension, NAME=N (repeatable)")
	f.StringArrayVar(&o.ranges, "value-range", nil, "random values lie in [INPUT=]LOW:HIGH (repeatable)")
	f.StringArrayVar(&o.images, "images", nil, "an image file or folder to use as input (repeatable)")
	f.StringArrayVar(&o.files, "inputs", nil, "inputs from an .npz or .npy file or a test_data_set folder (repeatable)")
	f.StringVar(&o.data, "data", "", "test images of a dataset, by name, or of an image folder")
	f.StringVar(&o.dataDir, "data-dir", "", "folder with the dataset's files")
	f.IntVar(&o.limit, "limit", 64, "how many images of --data")
	f.StringVar(&o.saveInputs, "save-inputs", "", "write the inputs: an .npz file, or a folder of test_data_set folders")
	f.StringVar(&o.saveOutputs, "save-outputs", "", "write every engine's outputs to a folder, as .npz files")
	classifierFlags(c, &o.classifier, &o.pixels)
}

// conflicts returns a usage error where inputs come from two places.
func (o *inputFlags) conflicts(c *cobra.Command) error {
	given := c.Flags().Changed
	if o.batch < 1 || o.runs < 1 || o.limit < 1 {
		return usage("--batch, --runs and --limit must be at least 1")
	}
	var sources []string
	for _, name := range []string{"images", "inputs", "data"} {
		if given(name) {
			sources = append(sources, "--"+name)
		}
	}
	if len(sources) > 1 {
		return usage("%s: choose one source of inputs", strings.Join(sources, " and "))
	}
	if len(sources) == 1 {
		for _, name := range []string{"batch", "runs", "dim", "value-range", "seed"} {
			allowed := o.data != "" && name == "batch" || name == "seed" && given("gradients")
			if given(name) && !allowed {
				return usage("--%s is for random inputs, %s gives them", name, sources[0])
			}
		}
	}
	if o.saveOutputs != "" {
		if _, err := os.Lstat(o.saveOutputs); err == nil {
			return usage("--save-outputs %s: it exists already; name a new folder", o.saveOutputs)
		}
		if err := export.Possible(o.saveOutputs); err != nil {
			return fault.New(fault.KindOf(err), "--save-outputs %s: %w", o.saveOutputs, err)
		}
	}
	for _, name := range []string{"limit", "data-dir"} {
		if given(name) && o.data == "" {
			return usage("--%s is for --data", name)
		}
	}
	if o.classifier.Preprocess != "" && len(o.images) == 0 && o.data == "" {
		return usage("--preprocess is for --images and --data")
	}
	return nil
}

// inputSets are what engines are fed.
type inputSets struct {
	sets      []runtime.Tensors
	recorded  []runtime.Tensors // outputs that came with them
	labels    []int             // of the first set's images, where they are known
	images    []int             // how many of each set's images are real
	described string
	real      bool // real images, whose classes can be compared
	// picture returns an image by its number, for reports, which have so many; nil where the
	// inputs are none.
	picture  func(i int) (name string, m *preprocess.Image, err error)
	pictures int
}

// maxPictures is how many images a report shows.
const maxPictures = 24

// shown returns the images that a report shows.
func (in *inputSets) shown() ([]report.Picture, error) {
	var out []report.Picture
	for i := range min(in.pictures, maxPictures) {
		name, m, err := in.picture(i)
		if err != nil {
			return nil, err
		}
		p, err := report.NewPicture(name, m)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// inputs reads or makes the inputs, and saves them where that was asked for.
func (a *app) inputs(c *cobra.Command, m *onnx.Model, o inputFlags) (in *inputSets, err error) {
	switch {
	case len(o.images) > 0:
		in, err = a.imageInputs(c, m, o)
	case o.data != "":
		in, err = a.dataInputs(c, m, o)
	case len(o.files) > 0:
		in, err = fileInputs(m, o.files)
	default:
		in, err = randomInputs(m, o)
	}
	if err != nil || o.saveInputs == "" {
		return in, err
	}
	if err := saveInputs(o.saveInputs, m, in.sets); err != nil {
		return nil, err
	}
	a.say("wrote %s", o.saveInputs)
	return in, nil
}

func randomInputs(m *onnx.Model, o inputFlags) (*inputSets, error) {
	dims, err := parseDims(o.dims)
	if err != nil {
		return nil, err
	}
	for name := range dims {
		if !hasSymbol(m, name) {
			return nil, usage("--dim %s: no input has a dimension of this name", name)
		}
	}
	options := verify.InputOptions{Batch: o.batch, Sets: o.runs, Dims: dims, Ranges: map[string]verify.Range{}}
	for _, s := range o.ranges {
		name, r, err := verify.ParseRange(s)
		if err != nil {
			return nil, fault.New(fault.Usage, "--value-range: %w", err)
		}
		if name != "" && !slices.ContainsFunc(m.Graph.DataInputs(), func(v *onnx.Value) bool { return v.Name == name }) {
			return nil, usage("--value-range: the model has no input %q", name)
		}
		options.Ranges[name] = r
	}
	c, err := card.Read(m)
	if err != nil {
		return nil, err
	}
	options.Spec = c.Spec
	in := &inputSets{}
	for i := range o.runs {
		options.Seed = o.seed + uint64(i)
		set, err := verify.RandomInputs(m.Graph, options)
		if err != nil {
			return nil, err
		}
		in.sets = append(in.sets, set)
	}
	in.described = fmt.Sprintf("%s of random %s, %s, seed %d", counted(o.runs, "set"), kindOf(options), shapesOf(m, in.sets[0]), o.seed)
	return in, nil
}

// kindOf says what random values look like.
func kindOf(o verify.InputOptions) string {
	switch {
	case len(o.Ranges) > 0:
		return "values in ranges"
	case o.Spec != nil:
		return "pixels"
	}
	return "normal values"
}

func shapesOf(m *onnx.Model, in runtime.Tensors) string {
	var shapes []string
	for _, v := range m.Graph.DataInputs() {
		shapes = append(shapes, fmt.Sprintf("%s %s", v.Name, in[v.Name]))
	}
	return strings.Join(shapes, ", ")
}

// hasSymbol reports whether an input has a symbolic dimension of this name.
func hasSymbol(m *onnx.Model, name string) bool {
	for _, v := range m.Graph.DataInputs() {
		if v.Type.IsTensor() && v.Type.Shape != nil && slices.ContainsFunc(*v.Type.Shape, func(d onnx.Dim) bool { return d.Param == name }) {
			return true
		}
	}
	return false
}

// fileInputs reads inputs, and the outputs that came with them.
func fileInputs(m *onnx.Model, files []string) (*inputSets, error) {
	in := &inputSets{}
	for _, file := range files {
		list, err := verify.ReadInputs(file, m.Graph)
		if err != nil {
			return nil, err
		}
		for _, r := range list {
			if err := runtime.CheckInputs(m.Graph, r.Inputs); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			in.sets = append(in.sets, r.Inputs)
			in.recorded = append(in.recorded, r.Outputs)
		}
	}
	in.described = fmt.Sprintf("%s from %s", counted(len(in.sets), "set"), strings.Join(files, ", "))
	return in, nil
}

// maxVerifyImages bounds the inputs and results that are held for the comparison.
const maxVerifyImages = 256

// imagePlan says how images become inputs, within limits.
func (a *app) imagePlan(m *onnx.Model, o *inputFlags) (p *classify.Plan, err error) {
	if o.classifier.Images, err = a.imageLimits(o.pixels); err != nil {
		return nil, err
	}
	return classify.NewPlan(m, o.classifier)
}

// imageInputs preprocesses images, one a run.
func (a *app) imageInputs(c *cobra.Command, m *onnx.Model, o inputFlags) (*inputSets, error) {
	p, err := a.imagePlan(m, &o)
	if err != nil {
		return nil, err
	}
	listed, err := preprocess.Files(c.Context(), o.images)
	if err != nil {
		return nil, err
	}
	a.sayOutside(listed)
	if n := len(listed.Unread); n > 0 {
		a.say("note: not used, because pictures of their kind are not read: %s, the first %s", counted(n, "file"), listed.Unread[0])
	}
	files := listed.Images
	if len(files) > maxVerifyImages {
		return nil, usage("%d images, at most %d are compared at once", len(files), maxVerifyImages)
	}
	in := &inputSets{real: true}
	var failed []error
	for _, f := range files {
		if f == "-" {
			return nil, usage("--images takes files and folders, not the standard input")
		}
		if err := c.Context().Err(); err != nil {
			return nil, err
		}
		x := p.Room(1)
		if err := p.LoadFile(f, x, 0); err != nil {
			failed = append(failed, ofFile(f, err))
			continue
		}
		in.sets, in.images = append(in.sets, p.Tensors(1, x)), append(in.images, 1)
	}
	if err := a.unreadable(failed); err != nil {
		return nil, err
	}
	in.described = counted(len(files), "image")
	in.pictures, in.picture = len(files), func(i int) (string, *preprocess.Image, error) {
		b, err := regular.Read(files[i], preprocess.MaxFileBytes)
		if err != nil {
			return "", nil, err
		}
		m, err := o.classifier.Images.Decode(b)
		return filepath.Base(files[i]), m, err
	}
	return in, nil
}

// ofFile names the file that an error is about, unless that does.
func ofFile(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) { // which names it
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}

// dataInputs are test images of a dataset, in batches.
func (a *app) dataInputs(c *cobra.Command, m *onnx.Model, o inputFlags) (*inputSets, error) {
	p, err := a.imagePlan(m, &o)
	if err != nil {
		return nil, err
	}
	by := splitOf(c, m, &o.seed)
	set, err := a.openData(c.Context(), o.data, data.Options{Dir: o.dataDir, Seed: o.seed, ByClass: by, Images: o.classifier.Images})
	if err != nil {
		return nil, err
	}
	images, part := set.Test, "test"
	if images == nil {
		images, part = set.Train, "training"
	}
	limit := min(o.limit, images.Len())
	if limit > maxVerifyImages {
		return nil, usage("--limit %d: at most %d images are compared at once", limit, maxVerifyImages)
	}
	in := &inputSets{real: true, described: fmt.Sprintf("%s of the %s part of %s", counted(limit, "image"), part, set.Name)}
	numbers := classify.Spread(limit, images.Len())
	in.pictures, in.picture = len(numbers), func(i int) (string, *preprocess.Image, error) {
		m, err := images.Image(numbers[i])
		return set.Classes[images.Label(numbers[i])], m, err
	}
	for part := range slices.Chunk(numbers, p.BatchSize(min(o.batch, limit))) {
		x, err := p.Batch(c.Context(), images, part)
		if err != nil {
			return nil, err
		}
		if in.sets == nil {
			for _, k := range part {
				in.labels = append(in.labels, images.Label(k))
			}
		}
		in.sets, in.images = append(in.sets, x), append(in.images, len(part))
	}
	return in, nil
}

// saveInputs writes the inputs to an .npz file or to test_data_set folders.
func saveInputs(path string, m *onnx.Model, sets []runtime.Tensors) error {
	if strings.EqualFold(filepath.Ext(path), ".npz") {
		if len(sets) != 1 {
			return usage("--save-inputs %s: an .npz file holds one set of inputs, there are %d: name a folder", path, len(sets))
		}
		return saveArrays(path, sets[0])
	}
	if _, err := os.Lstat(path); err == nil {
		return usage("--save-inputs %s: it exists already; name a new folder", path)
	}
	return fault.As(fault.Environment, beside.Folder(path, func(work string) error {
		for i, in := range sets {
			if err := verify.WriteDataSet(filepath.Join(work, fmt.Sprintf("test_data_set_%d", i)), m.Graph, in, nil); err != nil {
				return err
			}
		}
		return nil
	}))
}

// saveArrays writes an .npz file.
func saveArrays(path string, tensors runtime.Tensors) error {
	return fault.As(fault.Environment, beside.Write(path, func(w io.Writer) error { return verify.WriteArrays(w, tensors) }))
}

// outputSaver returns what writes each engine's outputs, or nil.
func (o *inputFlags) outputSaver() func(engine string, input int, out runtime.Tensors) error {
	if o.saveOutputs == "" {
		return nil
	}
	clean := strings.NewReplacer(":", "-", "@", "-", "=", "-", ",", "-", "/", "-")
	return func(engine string, input int, out runtime.Tensors) error {
		if err := os.MkdirAll(o.saveOutputs, 0o755); err != nil {
			return fault.As(fault.Environment, err)
		}
		return saveArrays(filepath.Join(o.saveOutputs, fmt.Sprintf("%s-%d.npz", clean.Replace(engine), input)), out)
	}
}
