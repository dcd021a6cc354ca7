package ort_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"alexctl/runtime/ort"
)

// tarball writes a gzipped tar file and returns its path and digest.
func tarball(t *testing.T, files map[string]string) (path, digest string) {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, content := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(content)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "p.tgz")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha512.Sum512(b.Bytes())
	return path, base64.StdEncoding.EncodeToString(sum[:])
}

func pinned(digest, name, content string) ort.Package {
	sum := sha256.Sum256([]byte(content))
	return ort.Package{Name: "test", SHA512: digest, Files: []ort.File{{Path: name, SHA256: hex.EncodeToString(sum[:])}}, Purpose: "a test"}
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return strings.Join(list, " ")
}

func TestInstall(t *testing.T) {
	file, digest := tarball(t, map[string]string{"package/lib/a.so": "library", "../../evil": "evil", "package/other": "x"})
	p := pinned(digest, "package/lib/a.so", "library")
	dir := filepath.Join(t.TempDir(), "deep", "cache")
	if p.Installed(dir) {
		t.Error("installed before it was")
	}
	if err := p.Install(context.Background(), dir, file, io.Discard); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); got != "a.so" || !p.Installed(dir) {
		t.Errorf("the folder holds %q", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.so"), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if p.Installed(dir) {
		t.Error("a damaged library counts as installed")
	}
}

// TestInstallLeavesNothing has packages and moments at which nothing may be left.
func TestInstallLeavesNothing(t *testing.T) {
	file, digest := tarball(t, map[string]string{"package/a.so": "library"})
	cut, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	short := filepath.Join(t.TempDir(), "short.tgz")
	if err := os.WriteFile(short, cut[:len(cut)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		p    ort.Package
		from string
		want error
	}{
		"wrong digest": {context.Background(), pinned("AAAA", "package/a.so", "library"), file, ort.ErrPackage},
		"cut short":    {context.Background(), pinned(digest, "package/a.so", "library"), short, ort.ErrPackage},
		"file missing": {context.Background(), pinned(digest, "package/b.so", "library"), file, ort.ErrPackage},
		"interrupted":  {cancelled, pinned(digest, "package/a.so", "library"), file, context.Canceled},
	} {
		dir := t.TempDir()
		// What a killed call of a process that has ended left behind.
		if err := os.Mkdir(filepath.Join(dir, ".setup-999999999-1"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := c.p.Install(c.ctx, dir, c.from, io.Discard); !errors.Is(err, c.want) {
			t.Errorf("%s: error is %v, want %v", name, err, c.want)
		}
		if got := names(t, dir); got != "" {
			t.Errorf("%s: left %q", name, got)
		}
	}
}

func TestFindLibrary(t *testing.T) {
	dir := t.TempDir()
	given := filepath.Join(dir, "mine.so")
	if err := os.WriteFile(given, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(ort.LibraryEnv, filepath.Join(dir, "nowhere.so"))
	if l, err := ort.FindLibrary(given); err != nil || l.Path != given || l.FoundBy != ort.FoundGiven {
		t.Errorf("%+v, %v", l, err)
	}
	// What is named and not there ends the search.
	if _, err := ort.FindLibrary(""); err == nil || !strings.Contains(err.Error(), ort.LibraryEnv) {
		t.Errorf("error is %v", err)
	}
	if _, err := ort.FindLibrary(filepath.Join(dir, "gone.so")); err == nil || !strings.Contains(err.Error(), ort.FoundGiven) {
		t.Errorf("error is %v", err)
	}
	t.Setenv(ort.LibraryEnv, "")
	t.Setenv("XDG_CACHE_HOME", dir)
	t.Setenv("HOME", dir)
	cache, err := ort.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		t.Fatal(err)
	}
	core, err := ort.CorePackage()
	if err != nil {
		t.Skip(err)
	}
	if err := os.WriteFile(filepath.Join(cache, core.Files[0].Name()), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err := ort.FindLibrary(""); err != nil || l.FoundBy != ort.FoundInstalled {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		config ort.Config
		want   string
	}{
		{ort.Config{Provider: "cdua"}, "did you mean cuda"},
		{ort.Config{Optimization: "most"}, "off, basic, extended or all"},
		{ort.Config{Threads: -1}, "-1 threads"},
	} {
		if _, err := ort.New(c.config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error is %v, want one with %q", c.config, err, c.want)
		}
	}
	e, err := ort.New(ort.Config{Threads: 2})
	if err != nil || e.Name() != "ort:cpu@opt=all,threads=2" {
		t.Errorf("%v, %v", e, err)
	}
}
