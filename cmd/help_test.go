package cmd

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"alexctl/fault"
	"alexctl/runtime/ort"
	"alexctl/runtime/runtimetest"
)

// offline are the examples that download something: here they must get as far as the network,
// which they do not find.
var offline = map[string]bool{
	"alexctl data fetch fashion-mnist":                                true,
	"alexctl data fetch cifar10 --from https://mirror.example/cifar/": true,
	"alexctl setup --cuda":                                            true,
}

// TestEveryExampleRuns runs every example of every --help, as it is written, where the files
// that they name are.
func TestEveryExampleRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("it trains and measures")
	}
	needsORT(t)
	dir := t.TempDir()
	environment := exampleFiles(t, dir)
	seen := map[string]bool{}
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		for line := range strings.Lines(c.Example) {
			if line = strings.TrimSpace(line); line == "" || seen[line] {
				continue
			}
			seen[line] = true
			want := 0
			if offline[line] {
				want = codes[fault.Environment]
			}
			began := time.Now()
			if code, out := shell(t, dir, environment, line); code != want {
				t.Errorf("%s: exit code %d, want %d\n%s", line, code, want, out)
			}
			t.Logf("%s: %s", line, time.Since(began).Round(time.Millisecond))
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit((&app{}).root())
	if len(seen) < 30 {
		t.Errorf("%d examples", len(seen))
	}
}

// needsORT skips a test where ONNX Runtime is not installed, which fails it where all engines
// have to be there.
func needsORT(t *testing.T) {
	t.Helper()
	if _, err := ort.FindLibrary(""); err != nil || !ort.Cgo {
		if os.Getenv(runtimetest.RequireEnv) != "" && ort.Cgo {
			t.Fatal(err)
		}
		t.Skip("ONNX Runtime is not installed")
	}
}

// shell runs a line and returns its exit code and what it printed.
func shell(t *testing.T, dir string, environment []string, line string) (int, string) {
	t.Helper()
	c := exec.Command("bash", "-c", line)
	c.Dir, c.Env = dir, environment
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), out.String()
}

// exampleFiles makes the files that examples name and returns the environment in which they
// run: without a network.
func exampleFiles(t *testing.T, dir string) []string {
	t.Helper()
	cache := filepath.Join(dir, ".cache")
	environment := append(os.Environ(), "HOME="+dir, "XDG_CACHE_HOME="+cache, "http_proxy=http://127.0.0.1:1", "https_proxy=http://127.0.0.1:1",
		"npm_config_registry=http://127.0.0.1:1", "npm_config_fetch_retries=0")
	installed, err := ort.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	link, err := filepath.Rel(filepath.Dir(filepath.Dir(filepath.Dir(filepath.Dir(installed)))), installed)
	if err != nil {
		t.Fatal(err)
	}
	core, err := ort.CorePackage()
	if err != nil {
		t.Fatal(err)
	}
	name := core.Files[0].Name() // and no provider, which setup --cuda would have to fetch
	place := filepath.Join(cache, link)
	if err := errors.Join(os.MkdirAll(place, 0o755), os.Symlink(filepath.Join(installed, name), filepath.Join(place, name))); err != nil {
		t.Fatal(err)
	}
	for name, content := range datasetFiles() {
		path := filepath.Join(cache, "alexctl", "data", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for name, lines := range map[string]int{"pets.txt": 10, "names.txt": 2, "onnxruntime-node-" + ort.Version + ".tgz": 1} { // the last is not read where the library is
		text := strings.Repeat("a class\n", lines)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range []string{
		"mkimages photos cat dog",
		"cp photos/cat/0.png image.png",
		"alexctl build --variant cifar -o model.onnx",
		"cp model.onnx other.onnx",
		"cp model.onnx cifar.onnx",
		"alexctl build --variant cifar --classes 2 -o resnet.onnx",
		"alexctl build --variant cifar --classes 2 -o pets.onnx",
		"alexctl build --variant cifar --channels 1 -o trained.onnx",
		"alexctl train --limit 20 --epochs 1 --batch 10 --run runs/cifar-20260102-150405 -o run.onnx",
	} {
		if code, out := shell(t, dir, environment, line); code != 0 {
			t.Fatalf("%s: exit code %d\n%s", line, code, out)
		}
	}
	return environment
}

// datasetFiles are small files of the forms of Fashion-MNIST and CIFAR-10.
func datasetFiles() map[string][]byte {
	const few = 40
	files := map[string][]byte{}
	for _, part := range []string{"train", "t10k"} {
		images := []byte{0, 0, 8, 3, 0, 0, 0, few, 0, 0, 0, 28, 0, 0, 0, 28}
		labels := []byte{0, 0, 8, 1, 0, 0, 0, few}
		for i := range few {
			images = append(images, bytes.Repeat([]byte{byte(6 * i)}, 28*28)...)
			labels = append(labels, byte(i%10))
		}
		files["fashion-mnist/"+part+"-images-idx3-ubyte"], files["fashion-mnist/"+part+"-labels-idx1-ubyte"] = images, labels
	}
	for _, name := range []string{"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"} {
		var b []byte
		for i := range few {
			b = append(append(b, byte(i%10)), bytes.Repeat([]byte{byte(6 * i)}, 3*32*32)...)
		}
		files["cifar10/cifar-10-batches-bin/"+name+".bin"] = b
	}
	classes := "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n"
	files["cifar10/cifar-10-batches-bin/batches.meta.txt"] = []byte(classes)
	return files
}
