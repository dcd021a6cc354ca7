package ort

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"

	"alexctl/fault"
	"alexctl/internal/cache"
	"alexctl/internal/digest"
)

const (
	// Version is the ONNX Runtime that CorePackage installs and that the CUDA
	// provider belongs to.
	Version = "1.29.0"
	// oldest is the first version with the C API that the Go binding asks for.
	oldest = "1.24"
	// LibraryEnv is the environment variable that names the library.
	LibraryEnv = "ALEXCTL_ORT_LIB"
	// TelemetryEnv is the variable that keeps ONNX Runtime's builds, where it is 1, from
	// reporting to their maker what they are used for.
	TelemetryEnv = "ORT_DISABLE_TELEMETRY"

	// bindingVersion is the yalue/onnxruntime_go whose module carries libraries for
	// some platforms.
	bindingVersion = "v1.27.0"
)

// Telemetry reports whether ONNX Runtime may report to its maker: only where TelemetryEnv says
// so. Otherwise this package sets it to 1 before it loads the library, for this process and
// those that it starts.
func Telemetry() bool {
	value, set := os.LookupEnv(TelemetryEnv)
	return set && value != "1"
}

// withoutTelemetry sets TelemetryEnv, unless it is set.
func withoutTelemetry() error {
	if _, set := os.LookupEnv(TelemetryEnv); set {
		return nil
	}
	return os.Setenv(TelemetryEnv, "1")
}

// Library is a found ONNX Runtime library.
type Library struct {
	Path    string
	FoundBy string // which step of the search found it
}

// Steps of the search, as FoundBy names them; the others are places in the system.
const (
	FoundGiven     = "the path that was given"
	FoundInstalled = "this user's installation"
)

// ErrNoLibrary says that no ONNX Runtime was found.
var ErrNoLibrary error = fault.New(fault.Environment, "ONNX Runtime is not installed")

// libraryNames are the file names of ONNX Runtime on this system.
func libraryNames() []string {
	switch goruntime.GOOS {
	case "windows":
		return []string{"onnxruntime.dll"}
	case "darwin":
		return []string{"libonnxruntime." + Version + ".dylib", "libonnxruntime.1.dylib", "libonnxruntime.dylib"}
	}
	return []string{"libonnxruntime.so.1", "libonnxruntime.so"}
}

// CacheDir returns the folder that alexctl setup installs ONNX Runtime into.
func CacheDir() (string, error) {
	base, _, err := cache.Dir()
	if err != nil {
		return "", fmt.Errorf("no cache folder for this user: %w", err)
	}
	return filepath.Join(base, "ort", Version, goruntime.GOOS+"-"+goruntime.GOARCH), nil
}

// FindLibrary looks for ONNX Runtime: the path given, the environment variable,
// the folder of CacheDir, the folder of the program, the Go binding's own
// copies, and the system's library folders. A path that is given and does not
// exist is an error: the search never goes on past it.
func FindLibrary(given string) (Library, error) {
	for _, explicit := range []struct{ path, by string }{{given, FoundGiven}, {os.Getenv(LibraryEnv), LibraryEnv}} {
		if explicit.path == "" {
			continue
		}
		path, err := filepath.Abs(explicit.path)
		if err == nil {
			_, err = os.Stat(path)
		}
		if err != nil {
			return Library{}, fmt.Errorf("%s: %w", explicit.by, err)
		}
		return Library{path, explicit.by}, nil
	}
	for _, place := range searchPlaces() {
		for _, name := range place.names {
			path := filepath.Join(place.dir, name)
			info, err := os.Stat(path)
			if err == nil && info.Mode().IsRegular() {
				return Library{path, place.by}, nil
			}
			if errors.Is(err, fs.ErrPermission) && place.by == FoundInstalled {
				return Library{}, fault.New(fault.Environment, "whether ONNX Runtime is installed cannot be seen: %w (ALEXCTL_CACHE names another folder)", err)
			}
		}
	}
	return Library{}, ErrNoLibrary
}

type searchPlace struct {
	dir, by string
	names   []string
}

func searchPlaces() []searchPlace {
	names := libraryNames()
	var places []searchPlace
	if dir, err := CacheDir(); err == nil {
		places = append(places, searchPlace{dir, FoundInstalled, names})
	}
	if exe, err := os.Executable(); err == nil {
		places = append(places, searchPlace{filepath.Dir(exe), "the program's folder", names})
	}
	if dir, file := bindingCopy(); dir != "" {
		places = append(places, searchPlace{dir, "the Go binding", []string{file}})
	}
	for _, dir := range []string{"/usr/local/lib", "/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/opt/homebrew/lib"} {
		if goruntime.GOOS != "windows" {
			places = append(places, searchPlace{dir, "the system", names})
		}
	}
	return places
}

// bindingCopy returns the folder of the Go binding in the module cache and the
// library that it carries for this platform; it has none for Linux on x86-64.
func bindingCopy() (dir, file string) {
	file = map[string]string{
		"linux/arm64":   "onnxruntime_arm64.so",
		"darwin/arm64":  "onnxruntime_arm64.dylib",
		"windows/amd64": "onnxruntime.dll",
	}[goruntime.GOOS+"/"+goruntime.GOARCH]
	cache := os.Getenv("GOMODCACHE")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", ""
		}
		cache = filepath.Join(home, "go", "pkg", "mod")
	}
	if file == "" {
		return "", ""
	}
	return filepath.Join(cache, "github.com", "yalue", "onnxruntime_go@"+bindingVersion, "test_data"), file
}

// SHA256 returns the digest of the library file, for reports.
func (l Library) SHA256() (string, error) { return digest.File(l.Path) }

// olderThan reports whether version a is older than b; both are dotted numbers.
func olderThan(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		x, errX := strconv.Atoi(as[i])
		y, errY := strconv.Atoi(bs[i])
		if errX != nil || errY != nil {
			return false
		}
		if x != y {
			return x < y
		}
	}
	return false
}
