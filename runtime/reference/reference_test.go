package reference_test

import (
	"testing"

	"alexctl/runtime/reference"
	"alexctl/runtime/runtimetest"
)

func TestReference(t *testing.T) { runtimetest.Run(t, reference.Engine{}) }

func TestOfficial(t *testing.T) { runtimetest.Official(t, reference.Engine{}, "reference") }

// TestRandomNodes runs nodes that nobody would write.
func TestRandomNodes(t *testing.T) {
	runtimetest.RandomNodes(t, reference.Engine{}, "RandomUniformLike")
}

func TestNewestOfficial(t *testing.T) { runtimetest.Newest(t, reference.Engine{}) }
