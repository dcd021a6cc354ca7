package train

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// record is the part of a run's folder that is for reading: metrics as CSV and JSON
// lines, and curves. Every file is written anew after each epoch, beside its name,
// and renamed.
type record struct {
	dir    string
	epochs []*EpochEvent
}

// openRecord begins the record of a run, or goes on with it after some epochs.
func openRecord(dir string, epochs int) (*record, error) {
	r := &record{dir: dir}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	left, err := filepath.Glob(filepath.Join(globEscape(dir), "*.tmp")) // by a run that was killed
	if err != nil {
		return nil, err
	}
	for _, name := range left {
		if err := os.Remove(name); err != nil {
			return nil, err
		}
	}
	if epochs == 0 {
		return r, nil
	}
	b, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	for d.More() {
		e := &EpochEvent{}
		if err := d.Decode(e); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, "metrics.jsonl"), err)
		}
		if e.Epoch <= epochs {
			r.epochs = append(r.epochs, e)
		}
	}
	return r, nil
}

// add records an epoch.
func (r *record) add(e *EpochEvent) error {
	r.epochs = append(r.epochs, e)
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
	for _, e := range r.epochs {
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
	if err := errors.Join(c.Error(), Replace(r.dir, "metrics.jsonl", lines.Bytes()), Replace(r.dir, "metrics.csv", table.Bytes())); err != nil {
		return err
	}
	return r.curves()
}

// Replace writes a file of a run's folder beside its name and renames it.
func Replace(dir, name string, content []byte) (err error) {
	f, err := os.CreateTemp(dir, name+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreClosed(f.Close()), os.Remove(f.Name()))
		}
	}()
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, name))
}
