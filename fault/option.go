package fault

// Option names something that a caller can set or do, and that an error may recommend. What
// it is called on a command line is the command line's business.
type Option string

// The options, with the place in the libraries where each is found.
const (
	Activation   Option = "activation"    // classify.Options.Activation
	Against      Option = "against"       // package diff
	Augment      Option = "augment"       // train.Config.Augment
	Batch        Option = "batch"         // train.Config.Batch, classify.Options.Batch
	Check        Option = "check"         // op.Check and onnx.CheckData
	ClassMap     Option = "class-map"     // data.Mapping
	Clip         Option = "clip"          // train.Config.Clip
	Data         Option = "data"          // data.Open
	DataDir      Option = "data folder"   // data.Options.Dir
	Device       Option = "device"        // ort.Config.Device
	Dims         Option = "dims"          // verify.InputOptions.Dims
	Doctor       Option = "doctor"        // what is installed here, and what is missing
	ExternalData Option = "external data" // onnx.WriteOptions.ExternalData
	Fetch        Option = "fetch"         // data.Fetch
	Force        Option = "force"         // write over what there is
	From         Option = "from"          // ort.Package.Install from a file
	Images       Option = "images"        // inputs that are real images
	Init         Option = "init"          // builder.Options.Init
	Inputs       Option = "inputs"        // verify.ReadInputs
	Layout       Option = "layout"        // classify.Options.Layout
	LR           Option = "learning rate" // train.Config.LR
	Optimizer    Option = "optimizer"     // train.Config.Optimizer
	MaxMemory    Option = "max memory"    // gorgonia.Kernels.Memory and its like
	MaxPixels    Option = "max pixels"    // preprocess.Limits.Pixels
	OrtLibrary   Option = "ort library"   // ort.Config.Library
	Output       Option = "output"        // classify.Options.Output
	Preprocess   Option = "preprocess"    // classify.Options.Spec
	ReplaceHead  Option = "replace head"  // pass.ReplaceHead
	Resume       Option = "resume"        // run.Open
	RunFolder    Option = "run folder"    // run.Options.Dir
	Setup        Option = "setup"         // ort.Package.Install
	SetupCUDA    Option = "setup cuda"    // the same for the CUDA provider
	ValueRange   Option = "value range"   // verify.InputOptions.Ranges
	Variant      Option = "variant"       // builder.Find
)

// Options returns every option, for programs that give each a name of their own.
func Options() []Option {
	return []Option{Activation, Against, Augment, Batch, Check, ClassMap, Clip, Data, DataDir, Device, Dims, Doctor, ExternalData, Fetch, Force, From, Images, Init, Inputs,
		Layout, LR, MaxMemory, MaxPixels, Optimizer, OrtLibrary, Output, Preprocess, ReplaceHead, Resume, RunFolder, Setup, SetupCUDA, ValueRange, Variant}
}
