package ort_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"alexctl/fault"
)

// TestFetchWithoutNpm takes a package from the registry that npm is configured for, where npm
// is not installed.
func TestFetchWithoutNpm(t *testing.T) {
	file, digest := tarball(t, map[string]string{"package/lib/a.so": "library"})
	p := pinned(digest, "package/lib/a.so", "library")
	p.Name = "test@1.2.3"
	asked := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked = r.URL.Path; asked != "/npm/test/-/test-1.2.3.tgz" {
			http.NotFound(w, r)
			return
		}
		http.ServeFile(w, r, file)
	}))
	defer server.Close()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("PATH", t.TempDir())
	t.Setenv("npm_config_registry", "")
	t.Setenv("NPM_CONFIG_GLOBALCONFIG", "")
	t.Setenv("NPM_CONFIG_USERCONFIG", "")

	t.Setenv("NPM_CONFIG_REGISTRY", server.URL+"/npm/")
	dir := t.TempDir()
	if err := p.Install(t.Context(), dir, "", io.Discard); err != nil || !p.Installed(dir) {
		t.Errorf("by the environment: %v", err)
	}

	t.Setenv("NPM_CONFIG_REGISTRY", "")
	if err := os.WriteFile(filepath.Join(home, ".npmrc"), []byte("; mine\nregistry = \""+server.URL+"/npm\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if err := p.Install(t.Context(), dir, "", io.Discard); err != nil || !p.Installed(dir) {
		t.Errorf("by .npmrc: %v", err)
	}

	t.Setenv("NPM_CONFIG_REGISTRY", server.URL+"/elsewhere")
	dir = t.TempDir()
	err := p.Install(t.Context(), dir, "", io.Discard)
	if fault.KindOf(err) != fault.Environment || !strings.Contains(err.Error(), "404") || names(t, dir) != "" {
		t.Errorf("a registry without it: %v, left %q", err, names(t, dir))
	}
	if hints := fault.Hints(err); len(hints) == 0 || !strings.Contains(hints[len(hints)-1].Text, "gorgonia") {
		t.Errorf("hints %+v", hints)
	}

	other := pinned("AAAA", "package/lib/a.so", "library")
	other.Name = p.Name
	t.Setenv("NPM_CONFIG_REGISTRY", server.URL+"/npm")
	dir = t.TempDir()
	if err := other.Install(t.Context(), dir, "", io.Discard); fault.KindOf(err) != fault.Environment || names(t, dir) != "" {
		t.Errorf("another digest: %v, left %q", err, names(t, dir))
	}
}
