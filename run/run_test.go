package run_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"alexctl/builder"
	"alexctl/data"
	"alexctl/fault"
	"alexctl/run"
	"alexctl/signature"
	"alexctl/train"
)

// prepared is a run of a small variant on a little data.
func prepared(t testing.TB, dir string) *run.Run { return preparedWith(t, dir, run.Options{}) }

// preparedWith is prepared with further options.
func preparedWith(t testing.TB, dir string, o run.Options) *run.Run {
	t.Helper()
	v, err := builder.Find("cifar")
	if err != nil {
		t.Fatal(err)
	}
	set, err := data.Open(t.Context(), "synthetic", data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := v.Build(builder.Options{Classes: len(set.Classes), Init: "zeros"})
	if err != nil {
		t.Fatal(err)
	}
	o.Recipe, o.Name, o.Data, o.Limit, o.Dir, o.Output = train.Default(), "variant cifar", "synthetic", 80, dir, filepath.Join(t.TempDir(), "out.onnx")
	r, err := run.Prepare(m, set, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// TestRunsOfOneSecond begins several runs, with folders of their own, at once.
func TestRunsOfOneSecond(t *testing.T) {
	t.Chdir(t.TempDir())
	var runs []*run.Run
	for range 3 {
		runs = append(runs, prepared(t, ""))
	}
	folders := map[string]bool{}
	for _, r := range runs {
		if err := r.Create(t.Context()); err != nil {
			t.Fatal(err)
		}
		folders[r.Dir] = true
	}
	if len(folders) != 3 {
		t.Errorf("the folders are %v", folders)
	}
}

// TestOneRunAFolder begins several runs in one folder at once: one gets it, the others are
// refused and leave nothing of theirs.
func TestOneRunAFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	var runs []*run.Run
	for range 4 {
		runs = append(runs, prepared(t, dir))
	}
	var created atomic.Int32
	var wg sync.WaitGroup
	for _, r := range runs {
		wg.Go(func() {
			err := r.Create(t.Context())
			switch {
			case err == nil:
				created.Add(1)
			case !errors.Is(err, run.ErrLocked):
				t.Errorf("a second run is refused with %v", err)
			}
		})
	}
	wg.Wait()
	if created.Load() != 1 {
		t.Errorf("%d runs got the folder", created.Load())
	}
	for _, r := range runs {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := prepared(t, dir).Create(t.Context()); fault.KindOf(err) != fault.Usage || len(fault.Hints(err)) == 0 {
		t.Errorf("a run in the folder of another that has ended: %v", err)
	}
	s, err := run.ReadSettings(dir)
	if err != nil || s.Data != "synthetic" || s.Images != 76 {
		t.Errorf("%+v, %v", s, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := run.ReadSettings(dir); fault.KindOf(err) != fault.Invalid {
		t.Errorf("damaged settings: %v", err)
	}
}

// TestFoldersOfOthers refuses a folder with other files and leaves it as it was.
func TestFoldersOfOthers(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".notes.tmp", "photo.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := prepared(t, dir).Create(t.Context()); fault.KindOf(err) != fault.Usage {
		t.Errorf("error is %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 || entries[0].Name() != ".notes.tmp" {
		t.Errorf("what is left: %v, %v", entries, err)
	}
}

// TestNewHeadForgetsTheOld says what the old head's scores mean: of the new one that does not
// hold, in this process or when the run is opened again.
func TestNewHeadForgetsTheOld(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	r := preparedWith(t, dir, run.Options{ReplaceHead: true, Signature: signature.Options{Activation: "sigmoid", Layout: "NCHW"}})
	if err := errors.Join(r.Create(t.Context()), r.Close()); err != nil {
		t.Fatal(err)
	}
	s, err := run.ReadSettings(dir)
	if err != nil || s.Signature == nil || s.Signature.Activation != "" || s.Signature.Layout != "NCHW" || s.Signature.Output == "" {
		t.Errorf("the settings say %+v, %v", s.Signature, err)
	}
	again, err := run.Open(t.Context(), dir, data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
