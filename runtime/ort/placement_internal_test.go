//go:build cgo && linux

package ort

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"

	"alexctl/runtime"
)

// engineOrSkip skips where ONNX Runtime is not installed.
func engineOrSkip(t *testing.T, c Config) *Engine {
	t.Helper()
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Check(t.Context()); err != nil {
		if os.Getenv("ALEXCTL_REQUIRE_ENGINES") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return e
}

// placed runs the probe's model and returns where its nodes ran.
func placed(t *testing.T, e *Engine) map[string]string {
	t.Helper()
	m, in, err := probeModel()
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Prepare(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	placer, ok := s.(*session)
	if !ok {
		t.Fatal("not a session")
	}
	if _, err := placer.Placement(); err == nil {
		t.Error("there is a placement before the session is closed")
	}
	for range 3 {
		if _, err := s.Run(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	dir := placer.temporary.Path
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder of the profile is still there: %v", err)
	}
	p, err := placer.Placement()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, n := range p.Nodes {
		out[n.Op] = n.Provider
	}
	if got := len(p.Elsewhere()); e.provider.record == "CPUExecutionProvider" && got != 0 || e.provider.record != "CPUExecutionProvider" && got != len(p.Nodes) {
		t.Errorf("%d of %d nodes ran elsewhere than on %s", got, len(p.Nodes), p.Wanted)
	}
	return out
}

// TestPlacement reads where nodes ran from a real profile: as asked for, and where a
// session that was meant for CUDA ran on the CPU without a word.
func TestPlacement(t *testing.T) {
	e := engineOrSkip(t, Config{Optimization: "off", Threads: 1, Record: true})
	got := placed(t, e)
	for _, op := range []string{"Conv", "LRN", "MaxPool", "Gemm"} {
		if got[op] != "CPUExecutionProvider" {
			t.Errorf("%s ran on %q", op, got[op])
		}
	}
	fallen := engineOrSkip(t, Config{Optimization: "all", Record: true})
	fallen.provider.record = "CUDAExecutionProvider"
	placed(t, fallen)
}

func TestParseProfile(t *testing.T) {
	const partial = `[
{"cat":"Session","name":"model_loading","args":{}},
{"cat":"Node","name":"conv1_kernel_time","args":{"op_name":"Conv","provider":"CUDAExecutionProvider"}},
{"cat":"Node","name":"conv1_fence_before","args":{"op_name":"Conv"}},
{"cat":"Node","name":"norm1_kernel_time","args":{"op_name":"LRN","provider":"CPUExecutionProvider"}},
{"cat":"Node","name":"norm1_kernel_time","args":{"op_name":"LRN","provider":"CPUExecutionProvider"}}
]`
	p, err := ParseProfile(strings.NewReader(partial), "CUDAExecutionProvider")
	if err != nil || len(p.Nodes) != 2 {
		t.Fatalf("%+v, %v", p, err)
	}
	if away := p.Elsewhere(); len(away) != 1 || away[0].Node != "norm1" || away[0].Op != "LRN" {
		t.Errorf("elsewhere: %+v", away)
	}
	for name, text := range map[string]string{
		"empty": "", "an object": "{}", "no nodes": "[]", "cut short": partial[:len(partial)/2], "no provider": `[{"cat":"Node","name":"a_kernel_time","args":{}}]`,
	} {
		if p, err := ParseProfile(strings.NewReader(text), "x"); err == nil {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// TestSignalsAreKept has something take a signal away from Go, as CUDA's libraries do, and
// wants it back.
func TestSignalsAreKept(t *testing.T) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	defer signal.Stop(c)
	restore := keepSignals()
	ignore := struct { // the kernel's sigaction
		handler, flags, restorer uintptr
		mask                     uint64
	}{handler: 1}
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGUSR1), uintptr(unsafe.Pointer(&ignore)), 0, 8, 0, 0); errno != 0 {
		t.Fatal(errno)
	}
	send := func() bool {
		if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		select {
		case <-c:
			return true
		case <-time.After(200 * time.Millisecond):
			return false
		}
	}
	if send() {
		t.Fatal("the signal was not taken away, so the test shows nothing")
	}
	if n := restore(); n != 1 {
		t.Errorf("%d handlers were put back, want 1", n)
	}
	if !send() {
		t.Error("the signal does not reach Go")
	}
}

// TestProbe has the other process answer, refuse, crash, say nothing and hang.
func TestProbe(t *testing.T) {
	script := filepath.Join(t.TempDir(), "probe")
	for name, c := range map[string]struct{ text, want string }{
		"works":        {`echo '{"ok":true}'`, ""},
		"refuses":      {`echo '{"ok":false,"reason":"no device"}'; exit 3`, "no device"},
		"crashes":      {`kill -SEGV $$`, "crashed the process (signal: segmentation fault"},
		"last words":   {`echo 'undefined symbol: x' >&2; exit 127`, "its last output: undefined symbol: x"},
		"says nothing": {`true`, "it said nothing"},
		"speaks wrong": {`echo hello`, "crashed the process"},
	} {
		if err := os.WriteFile(script, []byte("#!/bin/sh\n"+c.text+"\n"), 0o700); err != nil { //nolint:gosec // it is run
			t.Fatal(err)
		}
		e := &Engine{config: Config{Provider: "cuda", Probe: func(string) []string { return []string{script} }}}
		err := e.probe(t.Context(), Library{Path: "lib.so"})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: error is %v, want %q", name, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (&Engine{config: Config{Probe: func(string) []string { return []string{script} }}}).probe(ctx, Library{}); err == nil {
		t.Error("an interrupted probe is no error")
	}
}

func TestSettings(t *testing.T) {
	for _, c := range []Config{
		{Search: "default"}, {Device: 1}, {TF32: true}, {MemoryLimit: 5}, {Search: "exhaustive"}, {Fallback: true}, {Provider: "cuda", Search: "best"},
	} {
		if e, err := New(c); err == nil {
			t.Errorf("%+v is accepted: %s", c, e.Name())
		}
	}
	for _, c := range []struct {
		config Config
		name   string
		want   runtime.Arithmetic
	}{
		{Config{Provider: "cpu", Optimization: "off", Threads: 2}, "ort:cpu@opt=off,threads=2", runtime.Arithmetic{}},
		{Config{Provider: "cuda", Optimization: "off"}, "ort:cuda@opt=off,tf32=0,algo=default", runtime.Arithmetic{}},
		{Config{Provider: "cuda"}, "ort:cuda@opt=all,tf32=0,algo=heuristic", runtime.Arithmetic{Searched: true}},
		{Config{Provider: "cuda", Device: 2, TF32: true, MemoryLimit: 1 << 20, Search: "default", Fallback: true, Threads: 3},
			"ort:cuda@opt=all,threads=3,tf32=1,device=2,mem=1048576,algo=default,fallback=1", runtime.Arithmetic{Operand: tf32}},
	} {
		e, err := New(c.config)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Arithmetic(1); e.Name() != c.name || got != c.want {
			t.Errorf("%s, %+v; want %s, %+v", e.Name(), got, c.name, c.want)
		}
	}
}

// TestProviders attaches every accelerator of the table: with a library that has none, the
// refusal must be ONNX Runtime's and not that no code attaches it.
func TestProviders(t *testing.T) {
	engineOrSkip(t, Config{}) // and load the library
	for _, p := range providers() {
		if p.accelerator == nil {
			continue
		}
		if p.accelerator.help.Option == "" || p.accelerator.options == nil || p.record == "" {
			t.Errorf("%s: the row is not complete", p.name)
		}
		o, err := ort.NewSessionOptions()
		if err != nil {
			t.Fatal(err)
		}
		if err := attach(o, p, Config{Search: "default"}); err != nil && strings.Contains(err.Error(), "no code attaches") {
			t.Error(err)
		}
		if err := o.Destroy(); err != nil {
			t.Error(err)
		}
	}
}
