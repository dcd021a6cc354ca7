//go:build linux

package main_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTheWorkerDies ends the process that does the work in ways that it cannot see coming, and
// interrupts the one that waits.
func TestTheWorkerDies(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the program")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "alexctl")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	model := filepath.Join(dir, "m.onnx")
	if out, err := exec.Command(program, "build", "--variant", "cifar", "--classes", "2", "-o", model).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, c := range map[string]struct {
		signal syscall.Signal
		worker bool // whom the signal is for
		code   int
		says   string
	}{
		"a fault in C":   {syscall.SIGSEGV, true, 70, "died"},
		"out of memory":  {syscall.SIGKILL, true, 70, "died (signal: killed)"},
		"Go's own death": {syscall.SIGABRT, true, 70, "died"},
		"an interrupt":   {syscall.SIGINT, false, 130, "interrupted"},
		"termination":    {syscall.SIGTERM, false, 130, "interrupted"},
	} {
		run := exec.Command(program, "bench", "--engine", "gorgonia", "--no-peak", "--seconds", "60", model)
		run.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
		run.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal tells the worker
		var stderr bytes.Buffer
		run.Stderr = &stderr
		if err := run.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(500 * time.Millisecond) // it has begun
		worker := childOf(t, run.Process.Pid)
		target := run.Process.Pid
		if c.worker {
			target = worker
		}
		if err := syscall.Kill(target, c.signal); err != nil {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if err := run.Wait(); !errors.As(err, &exit) || exit.ExitCode() != c.code || !strings.Contains(stderr.String(), c.says) || strings.Contains(stderr.String(), "goroutine ") {
			t.Errorf("%s: %v, want exit code %d\n%s", name, err, c.code, stderr.String())
		}
	}
	// A reader that goes away is no fault of this program.
	pipe := exec.Command("bash", "-o", "pipefail", "-c", program+" train --help | true")
	pipe.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	var left *exec.ExitError
	if out, err := pipe.CombinedOutput(); err != nil && (!errors.As(err, &left) || left.ExitCode() != 3) || len(out) > 0 {
		t.Errorf("nobody reads: %v\n%s", err, out)
	}
	// Whoever ends a service or a job tells all of its processes.
	for name, again := range map[string]bool{"once": false, "twice": true} {
		run := exec.Command(program, "train", "--data", "sample", "--variant", "cifar", "--epochs", "9999", "--run", filepath.Join(dir, name), "-o", filepath.Join(dir, name+".onnx"))
		run.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
		run.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		var stderr bytes.Buffer
		run.Stderr = &stderr
		if err := run.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		if err := syscall.Kill(-run.Process.Pid, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if again {
			time.Sleep(1500 * time.Millisecond)
			_ = syscall.Kill(-run.Process.Pid, syscall.SIGINT)
		}
		var exit *exec.ExitError
		if err := run.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 130 || strings.Contains(stderr.String(), "died") {
			t.Errorf("%s: %v, want exit code 130\n%s", name, err, stderr.String())
		}
		if files, _ := filepath.Glob(filepath.Join(dir, name, "checkpoints", "*.ckpt")); len(files) == 0 && !again {
			t.Errorf("no checkpoint of an interrupted run:\n%s", stderr.String())
		}
	}
	// A killed one takes its worker with it.
	run := exec.Command(program, "bench", "--engine", "gorgonia", "--no-peak", "--seconds", "60", model)
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	worker := childOf(t, run.Process.Pid)
	if err := run.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = run.Wait()
	for began := time.Now(); syscall.Kill(worker, 0) == nil && !zombie(worker); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatal("the worker of a killed program lives on")
		}
	}
}

// childOf waits for a process to have a child and returns it.
func childOf(t *testing.T, pid int) int {
	t.Helper()
	for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(10 * time.Millisecond) {
		files, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if child, bad := strconv.Atoi(strings.TrimSpace(string(b))); err == nil && bad == nil {
				return child
			}
		}
	}
	t.Fatal("no worker was started")
	return 0
}

func zombie(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(b), ") Z ")
}
