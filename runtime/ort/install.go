package ort

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"
	"syscall"

	"alexctl/fault"
	"alexctl/internal/beside"
	"alexctl/internal/digest"
	"alexctl/internal/regular"
)

// Package is an npm package that carries libraries of ONNX Runtime, with its pinned
// digest.
type Package struct {
	Name    string // as npm names it, with the version
	SHA512  string // of the tarball, in base64
	Files   []File
	Purpose string
}

// File is a library in a package.
type File struct {
	Path   string // in the tarball
	SHA256 string // in hexadecimal
}

// Name returns the file's name without its folder.
func (f File) Name() string { return path.Base(f.Path) }

// ErrPackage says that a tarball is not the pinned package.
var ErrPackage error = fault.New(fault.Invalid, "not the pinned package, or cut short")

// maxLibrary bounds one unpacked library.
const maxLibrary = 1 << 30

// CorePackage is ONNX Runtime itself for this platform.
func CorePackage() (Package, error) {
	file, ok := map[string]File{
		"linux/amd64":   {"linux/x64/libonnxruntime.so.1", "89688f5cf51c7e31befbb7b9101bc027799009b18d1baa9a5b1146a72e69538d"},
		"linux/arm64":   {"linux/arm64/libonnxruntime.so.1", "a27d21126db312aa8f02f3d5eaebe466e991f51f469882e6d0407d5a8b64afda"},
		"darwin/arm64":  {"darwin/arm64/libonnxruntime." + Version + ".dylib", "3e4c63909e9fc6648c93c68741c1ccf1e3d89218dd1d6a7d4f3d629ffc7f9918"},
		"windows/amd64": {"win32/x64/onnxruntime.dll", "5e289b5494cc338d62806f2d24c24aa7cc09a00bbab0404d9169487a45e0053a"},
		"windows/arm64": {"win32/arm64/onnxruntime.dll", "020f2f84f8029f2fa4b4c1443f8b1e0a659dc6cbed4a105ff908ff9a24d46306"},
	}[goruntime.GOOS+"/"+goruntime.GOARCH]
	if !ok {
		return Package{}, fault.New(fault.Environment, "there is no ONNX Runtime %s for %s/%s in npm's packages", Version, goruntime.GOOS, goruntime.GOARCH).
			Hint(fault.Hint{Text: "install it yourself and name it", Option: fault.OrtLibrary})
	}
	return Package{
		Name:    "onnxruntime-node@" + Version,
		SHA512:  "WjiVVB72riILz8HbYvxvmjKyE/WmkYoSfKY++axo5jAR609HQg8MwiG/HhShpTcJfmmAdzxxmB+MMST3A+SiPA==",
		Files:   []File{{"package/bin/napi-v6/" + file.Path, file.SHA256}},
		Purpose: "ONNX Runtime",
	}, nil
}

// CUDAPackage is the CUDA execution provider of the same version.
func CUDAPackage() (Package, error) {
	if goruntime.GOOS != "linux" || goruntime.GOARCH != "amd64" {
		return Package{}, fault.New(fault.Environment, "the CUDA provider is packaged for Linux on x86-64 only")
	}
	p := Package{
		Name:    "com.github.asus4.onnxruntime.linux-x64-gpu@0.4.9",
		SHA512:  "FopIhNE/Ng+v2X65wVc9clPCBCvhvA53Hxo2U0Kf5fGdVsC7iCA+mZ0KLWggcQAj7TIZ6pNidR4AC10g74Xo6w==",
		Purpose: "the CUDA execution provider",
	}
	const dir = "package/Plugins/Linux/x64/"
	p.Files = []File{
		{dir + "libonnxruntime_providers_shared.so", "c6a12593396095f5670160e284c35d1700b7708cf3037b7042e2a5200ccae772"},
		{dir + "libonnxruntime_providers_cuda.so", "56cf3254b118ad837ccc4ed8f6d1b23504bbf7ef91b34cbc0b289cb7f10b3037"},
	}
	return p, nil
}

// Installed reports whether the package's files are in dir, unharmed.
func (p Package) Installed(dir string) bool {
	for _, f := range p.Files {
		sum, err := digest.File(filepath.Join(dir, f.Name()))
		if err != nil || sum != f.SHA256 {
			return false
		}
	}
	return true
}

// missing returns the folders that are not there of those that a folder is in, and itself, the
// innermost first.
func missing(dir string) (list []string) {
	for {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			return list
		}
		list, dir = append(list, dir), filepath.Dir(dir)
	}
}

// Install puts the package's files into dir: from the tarball at from, or, where
// that is "", from npm. The files appear only after the whole tarball has the
// pinned digest.
func (p Package) Install(ctx context.Context, dir, from string, talk io.Writer) (err error) {
	defer fault.Default(&err, fault.Environment)
	empty := missing(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	removeStale(dir)
	work, err := os.MkdirTemp(dir, fmt.Sprintf("%s%d-", workPrefix, os.Getpid()))
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, os.RemoveAll(work)); err == nil {
			return
		}
		for _, folder := range empty {
			_ = os.Remove(folder) // unless something came to be in it
		}
	}()
	wrong := fault.Invalid // of a package that someone named
	if from == "" {
		wrong = fault.Environment
		if from, err = p.fetch(ctx, work, talk); err != nil {
			return err
		}
	}
	if err := p.unpack(ctx, from, dir); err != nil {
		err = fmt.Errorf("%s: %w", from, err)
		if errors.Is(err, ErrPackage) || errors.Is(err, fs.ErrNotExist) {
			return fault.As(wrong, err)
		}
		return err
	}
	return nil
}

const workPrefix = ".setup-"

// removeStale removes the work folders of processes that have ended.
func removeStale(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), workPrefix)
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(rest, "-")
		pid, err := strconv.Atoi(number)
		if err != nil {
			continue
		}
		process, err := os.FindProcess(pid)
		if err != nil || errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone) {
			_ = os.RemoveAll(filepath.Join(dir, e.Name())) // it stays until the next call
		}
	}
}

// unpack compares the digest of the whole tarball and then writes the package's files
// into dir.
func (p Package) unpack(ctx context.Context, tarball, dir string) (err error) {
	f, err := regular.Open(tarball)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha512.New()
	if _, err := io.Copy(sum, &cancelled{ctx, f}); err != nil {
		return err
	}
	if got := base64.StdEncoding.EncodeToString(sum.Sum(nil)); got != p.SHA512 {
		return fmt.Errorf("its SHA-512 is %s, want %s of %s: %w", got, p.SHA512, p.Name, ErrPackage)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	z, err := gzip.NewReader(&cancelled{ctx, f})
	if err != nil {
		return err
	}
	missing := map[string]bool{}
	for _, f := range p.Files {
		missing[f.Path] = true
	}
	for archive := tar.NewReader(z); len(missing) > 0; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("it lacks %v: %w", missing, ErrPackage)
		}
		if err != nil {
			return err
		}
		if !missing[h.Name] || h.Typeflag != tar.TypeReg || h.Size > maxLibrary {
			continue
		}
		delete(missing, h.Name)
		if err := beside.Write(filepath.Join(dir, path.Base(h.Name)), func(w io.Writer) error {
			_, err := io.CopyN(w, archive, h.Size)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// cancelled reads until the context ends.
type cancelled struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancelled) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
