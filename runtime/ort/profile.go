package ort

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"alexctl/runtime"
)

// profilePrefix begins the name of a session's profile.
const profilePrefix = "profile"

// maxProfile bounds the profile that is read: a long run of a large model writes some
// hundred bytes a node and run.
const maxProfile = 1 << 30

// readPlacement reads the profile in dir that a session wrote.
func readPlacement(dir, wanted string) (*runtime.Placement, error) {
	files, err := filepath.Glob(filepath.Join(dir, profilePrefix+"*.json"))
	if err != nil || len(files) != 1 {
		return nil, fmt.Errorf("ONNX Runtime wrote %d profiles, want 1", len(files))
	}
	f, err := os.Open(files[0])
	if err != nil {
		return nil, err
	}
	p, err := ParseProfile(io.LimitReader(bufio.NewReader(f), maxProfile), wanted)
	return p, errors.Join(err, f.Close())
}

// ParseProfile reads the profile of a session: a JSON list of events, of which those of
// category Node name the provider that ran a kernel. wanted is the provider asked for.
func ParseProfile(r io.Reader, wanted string) (*runtime.Placement, error) {
	d := json.NewDecoder(r)
	t, err := d.Token()
	if err != nil {
		return nil, fmt.Errorf("the profile is not JSON: %w", err)
	}
	if t != json.Delim('[') {
		return nil, fmt.Errorf("the profile begins with %v, want a list of events", t)
	}
	p := &runtime.Placement{Wanted: wanted}
	seen := map[runtime.PlacedNode]bool{}
	for d.More() {
		var event struct {
			Category string `json:"cat"`
			Name     string `json:"name"`
			Args     struct {
				Op       string `json:"op_name"`
				Provider string `json:"provider"`
			} `json:"args"`
		}
		if err := d.Decode(&event); err != nil {
			return nil, fmt.Errorf("the profile is cut short or damaged: %w", err)
		}
		name, isKernel := strings.CutSuffix(event.Name, "_kernel_time")
		if event.Category != "Node" || !isKernel {
			continue
		}
		if event.Args.Provider == "" {
			return nil, fmt.Errorf("the profile does not say where node %q ran", name)
		}
		n := runtime.PlacedNode{Node: name, Op: event.Args.Op, Provider: event.Args.Provider}
		if !seen[n] {
			seen[n] = true
			p.Nodes = append(p.Nodes, n)
		}
	}
	if len(p.Nodes) == 0 {
		return nil, errors.New("the profile names no node")
	}
	return p, nil
}
