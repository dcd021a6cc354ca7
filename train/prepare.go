package train

import (
	"alexctl/onnx"
	"alexctl/onnx/pass"
)

// Prepare returns a model ready to train: weights that are nodes become initializers, so that
// they can be learned and written back; what an exporter merged because it was equal before
// training is separated; nodes that were exported for training become those of inference,
// which is what the trained model is for; what nobody reads is dropped. The reports say what
// was changed.
func Prepare(m *onnx.Model) (*onnx.Model, []pass.Report, error) {
	return pass.Run(m, pass.Weights(), pass.Separate(), pass.Inference(), pass.Prune())
}
