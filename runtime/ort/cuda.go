package ort

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"alexctl/fault"
)

// Piece is one thing that the CUDA provider needs.
type Piece struct {
	Name   string
	OK     bool
	Detail string
	Help   []fault.Hint // what would help, where it is missing
	First  bool         // whether the others say nothing without it
}

// cudaLibraries are what the CUDA provider consists of; they must lie beside the
// library and be of exactly its version, because another one ends the process.
var cudaLibraries = []string{"libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"}

// CUDAPieces looks at the core, the provider, CUDA, cuDNN and the driver, in the order in
// which they are needed. given is as for FindLibrary. It loads CUDA's libraries, but not
// the provider.
func CUDAPieces(given string) []Piece {
	core := Piece{Name: "core", First: true, Help: []fault.Hint{setupHint}}
	l, err := FindLibrary(given)
	if err == nil && !Cgo {
		_, err = LibraryVersion(l)
	}
	if err != nil {
		core.Detail = err.Error()
		return []Piece{core}
	}
	version, err := LibraryVersion(l)
	switch {
	case err != nil:
		core.Detail = err.Error()
	case version != Version:
		core.Detail = fmt.Sprintf("ONNX Runtime is %s, the CUDA provider belongs to %s", version, Version)
	default:
		core.OK, core.Detail, core.Help = true, "ONNX Runtime "+version, nil
	}
	provider := Piece{Name: "provider", Help: []fault.Hint{{Text: "install the provider", Option: fault.SetupCUDA}}}
	dir := filepath.Dir(l.Path)
	for _, name := range cudaLibraries {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			provider.Detail = fmt.Sprintf("%s is not in the folder of %s", name, filepath.Base(l.Path))
			break
		}
	}
	if provider.Detail == "" {
		if err := holdsVersion(filepath.Join(dir, cudaLibraries[1])); err != nil {
			provider.Detail = err.Error()
		} else {
			provider.OK, provider.Detail, provider.Help = true, "of the core's version", nil
		}
	}
	list := []Piece{core, provider}
	for _, p := range []struct {
		name, hint string
		libraries  []string
	}{
		{"driver", "install NVIDIA's driver; the machine needs one of its GPUs", []string{"libcuda.so.1"}},
		{"CUDA 13", "install CUDA 13 and let the loader find it (LD_LIBRARY_PATH)", []string{"libcudart.so.13", "libcublasLt.so.13", "libcublas.so.13", "libcurand.so.10"}},
		{"cuDNN 9", "install cuDNN 9 for CUDA 13 and let the loader find it (LD_LIBRARY_PATH)", []string{"libcudnn.so.9"}},
	} {
		piece := Piece{Name: p.name, OK: true, Detail: strings.Join(p.libraries, ", ")}
		if missing := unloadable(p.libraries); len(missing) > 0 {
			piece.OK, piece.Detail = false, "cannot be loaded: "+strings.Join(missing, ", ")
			piece.Help = []fault.Hint{{Text: p.hint}}
		}
		list = append(list, piece)
	}
	return list
}

// holdsVersion returns an error unless the file contains Version as a C string, as
// the provider does that was built for it.
func holdsVersion(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	want := []byte("\x00" + Version + "\x00")
	buf := make([]byte, 1<<20)
	kept := 0 // bytes of the last part, so that a match may span two
	for {
		n, err := f.Read(buf[kept:])
		if bytes.Contains(buf[:kept+n], want) {
			return f.Close()
		}
		if err != nil {
			return errors.Join(fmt.Errorf("%s is not the CUDA provider of ONNX Runtime %s", path, Version), f.Close())
		}
		all := kept + n
		kept = min(all, len(want))
		copy(buf, buf[all-kept:all])
	}
}
