package run

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"

	"alexctl/internal/beside"
	"alexctl/internal/regular"
	"alexctl/train"
)

// record is the part of a run's folder that is for reading: metrics as CSV and JSON
// lines, and curves. Every file is written anew after each epoch, beside its name,
// and renamed.
type record struct{ dir string }

var _ train.Record = record{}

// Epochs reads the epochs of an earlier process.
func (r record) Epochs(most int) ([]*train.EpochEvent, error) {
	if most == 0 {
		return nil, nil
	}
	b, err := regular.Read(filepath.Join(r.dir, "metrics.jsonl"), maxSettings)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var epochs []*train.EpochEvent
	for d := json.NewDecoder(bytes.NewReader(b)); d.More(); {
		e := &train.EpochEvent{}
		if err := d.Decode(e); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(r.dir, "metrics.jsonl"), err)
		}
		if e.Epoch <= most {
			epochs = append(epochs, e)
		}
	}
	return epochs, nil
}

// Keep writes the metrics and draws the curves.
func (r record) Keep(epochs []*train.EpochEvent) error {
	var lines, table bytes.Buffer
	j, c := json.NewEncoder(&lines), csv.NewWriter(&table)
	header := []string{"epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate", "images_per_second", "seconds"}
	if err := c.Write(header); err != nil {
		return err
	}
	number := func(v *float64) string {
		if v == nil {
			return ""
		}
		return strconv.FormatFloat(*v, 'g', -1, 64)
	}
	for _, e := range epochs {
		if err := j.Encode(e); err != nil {
			return err
		}
		row := []string{strconv.Itoa(e.Epoch), number(&e.TrainLoss), number(&e.TrainAccuracy), number(e.ValLoss), number(e.ValAccuracy),
			number(&e.LearningRate), number(&e.ImagesPerSecond), number(&e.Seconds)}
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	if err := errors.Join(c.Error(), r.write("metrics.jsonl", lines.Bytes()), r.write("metrics.csv", table.Bytes())); err != nil {
		return err
	}
	return r.curves(epochs)
}

// write writes a file of the folder.
func (r record) write(name string, content []byte) error {
	return beside.Write(filepath.Join(r.dir, name), func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}
