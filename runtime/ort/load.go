//go:build cgo

package ort

import (
	"fmt"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// loaded is the process's one ONNX Runtime. C libraries are global whatever we do;
// this guards it.
var loaded struct {
	sync.Mutex
	path string
}

// load loads the library, or returns nil if it is the one already loaded.
func load(l Library) error {
	loaded.Lock()
	defer loaded.Unlock()
	if loaded.path == l.Path {
		return nil
	}
	if loaded.path != "" {
		return fmt.Errorf("this process uses %s already and cannot load %s too", loaded.path, l.Path)
	}
	if err := withoutTelemetry(); err != nil {
		return err
	}
	version, err := LibraryVersion(l)
	if err != nil {
		return err
	}
	if version != "" && olderThan(version, oldest) {
		return fmt.Errorf("%s is ONNX Runtime %s, too old: %s or newer is needed", l.Path, version, oldest)
	}
	ort.SetSharedLibraryPath(l.Path)
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		return fmt.Errorf("%s: %w", l.Path, err)
	}
	loaded.path = l.Path
	if Telemetry() {
		return nil
	}
	return ort.DisableTelemetry()
}

// Cgo says that this build can load ONNX Runtime.
const Cgo = true
