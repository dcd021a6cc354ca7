package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"alexctl/data"
	"alexctl/fault"
	"alexctl/internal/beside"
	"alexctl/internal/regular"
	"alexctl/preprocess"
	"alexctl/signature"
	"alexctl/train"
)

// Settings are everything that a run depends on, as config.json has them.
type Settings struct {
	Version     int                `json:"version"`
	Model       string             `json:"model"` // what training began with
	Data        string             `json:"data"`
	DataDir     string             `json:"data_dir,omitempty"`
	Limit       int                `json:"limit,omitempty"`
	Images      int                `json:"images"`      // to train with, without those held out
	Fingerprint string             `json:"fingerprint"` // of these images
	Classes     []string           `json:"classes"`
	Spec        *preprocess.Spec   `json:"preprocess"`
	Colors      *data.Components   `json:"colors,omitempty"`
	Output      string             `json:"output"` // the file to write
	Strip       bool               `json:"strip"`
	Recipe      train.Config       `json:"recipe"`
	Kernels     string             `json:"kernels"`
	Signature   *signature.Options `json:"signature,omitempty"` // what the caller said of the model
}

// version is that of config.json.
const version = 1

// write writes config.json.
func (s Settings) write(dir string) error {
	var err error
	if s.Output, err = filepath.Abs(s.Output); err != nil { // it may go on from another folder
		return err
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return beside.Write(filepath.Join(dir, configFile), func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

// maxSettings bounds the files of a run that are text.
const maxSettings = 64 << 20

// ReadSettings reads config.json from a run's folder. A folder without one, or one that cannot
// be understood, is fault.Invalid.
func ReadSettings(dir string) (Settings, error) {
	var s Settings
	path := filepath.Join(dir, configFile)
	text, err := regular.Read(path, maxSettings)
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return s, fault.New(fault.Invalid, "%s is not the folder of a run: it has no %s", dir, configFile)
	case err != nil:
		return s, fault.As(fault.Environment, err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fault.New(fault.Invalid, "%s is damaged: %w", path, err)
	}
	if s.Version != version || s.Spec == nil || s.Spec.Validate() != nil || s.Recipe.Check() != nil {
		return s, fault.New(fault.Invalid, "%s is not the configuration of a run of this version: %w", path, errors.Join(fmt.Errorf("version %d", s.Version), s.Recipe.Check()))
	}
	return s, nil
}
