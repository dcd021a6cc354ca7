package train

import (
	"fmt"

	"alexctl/fault"
)

// Event is something that happened in a run: *StepEvent, *EpochEvent,
// *CheckpointEvent, *NoteEvent or *WarningEvent.
type Event interface{ event() }

// StepEvent is a training step.
type StepEvent struct {
	Epoch, Step, Steps int // from 1; Steps are those of an epoch
	Loss               float64
	ImagesPerSecond    float64 // over the last steps
}

// EpochEvent is an epoch with its evaluation on the validation images.
type EpochEvent struct {
	Event           string   `json:"event"` // "epoch"
	Epoch           int      `json:"epoch"` // from 1
	TrainLoss       float64  `json:"train_loss"`
	TrainAccuracy   float64  `json:"train_accuracy"` // with dropout and augmentation
	ValLoss         *float64 `json:"val_loss"`       // null without a validation split
	ValAccuracy     *float64 `json:"val_accuracy"`
	LearningRate    float64  `json:"learning_rate"` // of the last step
	ImagesPerSecond float64  `json:"images_per_second"`
	Seconds         float64  `json:"seconds"`
}

// CheckpointEvent is a checkpoint that was written.
type CheckpointEvent struct {
	Event string `json:"event"` // "checkpoint"
	Path  string `json:"path"`  // its name in the run's folder of checkpoints
	Steps int    `json:"steps"`
}

// WarningEvent is something that the user should know and that does not end the run.
type WarningEvent struct {
	Event   string `json:"event"` // "warning"
	Warning string `json:"warning"`

	Help []fault.Hint `json:"-"` // what to do about it
}

// NoteEvent is something that is good to know.
type NoteEvent struct {
	Event string `json:"event"` // "note"
	Note  string `json:"note"`
}

func (*NoteEvent) event()       {}
func (*StepEvent) event()       {}
func (*EpochEvent) event()      {}
func (*CheckpointEvent) event() {}
func (*WarningEvent) event()    {}

func warning(format string, args ...any) *WarningEvent {
	return &WarningEvent{Event: "warning", Warning: fmt.Sprintf(format, args...)}
}
