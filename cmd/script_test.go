package cmd_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"alexctl/cmd"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/ort"
	"alexctl/runtime/runtimetest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"alexctl":  func() { os.Exit(cmd.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
		"mkmodel":  func() { os.Exit(mkmodel(os.Args[1:])) },
		"mkimages": func() { os.Exit(mkimages(os.Args[1:])) },
	})
}

// TestScripts runs the command line as a user would: testdata/script.
func TestScripts(t *testing.T) {
	library, err := ort.FindLibrary("")
	if err != nil && os.Getenv(runtimetest.RequireEnv) != "" {
		t.Fatal(err)
	}
	images, err2 := filepath.Abs("../testdata/images")
	if err2 != nil {
		t.Fatal(err2)
	}
	torch, err3 := filepath.Abs("testdata/torch_training.onnx")
	if err3 != nil {
		t.Fatal(err3)
	}
	cases, err4 := filepath.Abs("testdata/cases")
	if err4 != nil {
		t.Fatal(err4)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("IMAGES", images)
			e.Setenv("TORCH", torch)
			e.Setenv("CASES", cases)
			e.Setenv("PIXELS", `{"version":1,"color":"RGB","resize":"none","height":32,"width":32,"divisor":1,"mean":[0,0,0],"std":[1,1,1]}`)
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("ORT", library.Path)
			e.Setenv("BIN", filepath.SplitList(os.Getenv("PATH"))[0]) // where testscript puts alexctl
			if err == nil {
				e.Setenv(ort.LibraryEnv, library.Path)
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "ort":
				return err == nil && ort.Cgo, nil
			case "onednn":
				return gorgonia.FasterKernels() == "", nil
			case "bf16":
				_, err := gorgonia.Kernels{Precision: "bf16"}.Name()
				return err == nil, nil
			case "race":
				return race, nil
			case "root":
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// exits runs a command and wants its exit code: exits 2 alexctl build --inptu 3.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var failed *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &failed) {
		got = failed.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
