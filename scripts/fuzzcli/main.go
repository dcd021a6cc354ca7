// Command fuzzcli runs alexctl on damaged models, pictures, data and flags, and holds it to its
// contract: an exit code that it documents, no traceback, within 30 s and 1 GiB, and nothing left
// behind. What breaks it is kept.
//
//	go run ./scripts/fuzzcli -program ./alexctl -time 10m -keep FOLDER
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The contract.
const (
	mostTime   = 30 * time.Second
	mostMemory = 1 << 20 // KiB, of the largest process
)

var codes = []int{0, 1, 2, 3, 4}

func main() {
	program := flag.String("program", "./alexctl", "the program")
	length := flag.Duration("time", 10*time.Minute, "how long")
	keep := flag.String("keep", "fuzzcli-findings", "where what breaks it is kept")
	seed := flag.Uint64("seed", uint64(time.Now().Unix()), "of all choices")
	flag.Parse()
	found, err := fuzz(*program, *keep, *length, *seed)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fuzzcli:", err)
		os.Exit(2)
	}
	if found > 0 {
		os.Exit(1)
	}
}

// fuzz runs cases until the time is over and returns how many broke the contract.
func fuzz(program, keep string, length time.Duration, seed uint64) (found int, err error) {
	if program, err = filepath.Abs(program); err != nil {
		return 0, err
	}
	r := rand.New(rand.NewPCG(seed, 1))
	seeds, err := readSeeds()
	if err != nil {
		return 0, err
	}
	tried, began := 0, time.Now()
	byCode := map[int]int{}
	for time.Since(began) < length {
		dir, err := os.MkdirTemp("", "fuzzcli-")
		if err != nil {
			return found, err
		}
		c, err := seeds.next(r, dir)
		if err != nil {
			return found, err
		}
		code, wrong := c.run(program)
		tried++
		byCode[code]++
		if wrong != "" {
			found++
			fmt.Printf("%s\n  %s\n", strings.Join(c.args, " "), wrong)
			if err := os.MkdirAll(keep, 0o755); err != nil {
				return found, err
			}
			to := filepath.Join(keep, fmt.Sprintf("%d-%d", seed, tried))
			text := fmt.Sprintf("alexctl %q\n%s\n", c.args, wrong)
			if err := errors.Join(os.WriteFile(filepath.Join(dir, "FINDING"), []byte(text), 0o600), os.CopyFS(to, os.DirFS(dir))); err != nil {
				return found, err
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			return found, err
		}
	}
	fmt.Printf("%d runs, seed %d, exit codes %v: %d broke the contract\n", tried, seed, byCode, found)
	return found, nil
}

// attempt is one call of the program, in a folder of its own.
type attempt struct {
	dir  string
	args []string
}

// run returns the exit code and what of the contract was broken, or "".
func (c attempt) run(program string) (code int, wrong string) {
	work, temporary := filepath.Join(c.dir, "work"), filepath.Join(c.dir, "tmp")
	if err := os.Mkdir(temporary, 0o755); err != nil {
		return 0, err.Error()
	}
	before := names(work)
	ctx, cancel := context.WithTimeout(context.Background(), mostTime)
	defer cancel()
	x := exec.CommandContext(ctx, program, c.args...)
	x.Dir, x.Env, x.WaitDelay = work, append(os.Environ(), "TMPDIR="+temporary), time.Second
	var stdout, stderr bytes.Buffer
	x.Stdout, x.Stderr = &stdout, &stderr
	began := time.Now()
	err := x.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return -1, fmt.Sprintf("longer than %s", mostTime)
	case err != nil && !errors.As(err, &exit):
		return -1, err.Error()
	}
	code = x.ProcessState.ExitCode()
	usage, _ := x.ProcessState.SysUsage().(*syscall.Rusage)
	var left []string
	for _, name := range names(work) {
		if strings.HasSuffix(name, ".tmp") || !slices.Contains(before, name) && !strings.HasPrefix(name, "out") {
			left = append(left, name)
		}
	}
	switch {
	case !slices.Contains(codes, code):
		return code, fmt.Sprintf("exit code %d: %s", code, short(stderr.String()))
	case strings.Contains(stderr.String(), "goroutine ") || strings.Contains(stderr.String(), "panic:"):
		return code, "a traceback: " + short(stderr.String())
	case code != 0 && code != 1 && strings.TrimSpace(stderr.String()) == "" && strings.TrimSpace(stdout.String()) == "":
		return code, fmt.Sprintf("exit code %d without a word", code)
	case usage != nil && usage.Maxrss > mostMemory:
		return code, fmt.Sprintf("%d MiB in %s: %s", usage.Maxrss>>10, time.Since(began).Round(time.Millisecond), short(stderr.String()))
	case len(names(temporary)) > 0:
		return code, fmt.Sprintf("left among the temporary files: %v", names(temporary))
	case len(left) > 0:
		return code, fmt.Sprintf("left behind: %v", left)
	}
	return code, ""
}

func names(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func short(s string) string { return s[:min(len(s), 500)] }
