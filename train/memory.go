package train

// Memory is what a run keeps so that it can go on and be looked at: package run has one in a
// folder. The zero value keeps nothing.
type Memory struct {
	Checkpoints Checkpoints
	Record      Record
}

// Checkpoints keeps where a run stands.
type Checkpoints interface {
	// List returns the names of the checkpoints, the newest first.
	List() ([]string, error)
	// Read reads a checkpoint into tensors, which it must have all of, and no others. Nothing
	// is changed unless the whole checkpoint is sound and accepted.
	Read(name string, into []Tensor, accepts func(Header) error) (Header, error)
	// Write keeps a checkpoint and removes those that are no longer needed: all but the last
	// two and the best. It returns the checkpoint's name, which CheckpointName gives too.
	Write(h Header, tensors []Tensor) (name string, err error)
}

// Record keeps the story of a run for people: metrics and pictures of them.
type Record interface {
	// Epochs returns the epochs up to a number that were kept by an earlier process.
	Epochs(most int) ([]*EpochEvent, error)
	// Keep keeps all epochs so far.
	Keep([]*EpochEvent) error
	// Tested keeps how the run did on the test images.
	Tested(e *Evaluation, classes []string) error
}

// Header describes a checkpoint.
type Header struct {
	Position Position `json:"position"`
	Config   Config   `json:"config"`
}

// Tensor is a part of a checkpoint, in memory: "weight NAME", "state NAME", "first NAME" or
// "second NAME".
type Tensor struct {
	Name string
	Data []float32
}

// Position is where a run stands: everything that a step depends on besides the
// tensors. Generators need no state, because all they draw follows from the seed and
// these numbers.
type Position struct {
	Epoch   int `json:"epoch"`   // the epoch under way, from 0
	InEpoch int `json:"step"`    // its steps that are done
	Steps   int `json:"steps"`   // steps of the run that are done
	Updates int `json:"updates"` // of the optimizer

	LossSum float64 `json:"loss_sum"` // of the steps of this epoch
	Correct int     `json:"correct"`

	Best      float64 `json:"best"`       // validation accuracy; -1 before the first
	BestEpoch int     `json:"best_epoch"` // from 1
	BestFile  string  `json:"best_file"`  // the checkpoint of that epoch
	Finished  bool    `json:"finished"`
}

// none is the memory of a run that keeps nothing.
type none struct{}

func (none) List() ([]string, error) { return nil, nil }
func (none) Read(string, []Tensor, func(Header) error) (Header, error) {
	return Header{}, errNoCheckpoint
}
func (none) Write(Header, []Tensor) (string, error)   { return "", nil }
func (none) Epochs(int) ([]*EpochEvent, error)        { return nil, nil }
func (none) Keep([]*EpochEvent) error                 { return nil }
func (none) Tested(*Evaluation, []string) (err error) { return nil }
