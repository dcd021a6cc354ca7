package gorgonia_test

import (
	"testing"

	"alexctl/runtime/gorgonia"
	"alexctl/runtime/runtimetest"
)

func TestEngine(t *testing.T) { runtimetest.Run(t, gorgonia.Engine{}) }

func TestOfficial(t *testing.T) { runtimetest.Official(t, gorgonia.Engine{}, "gorgonia") }

// TestRandomNodes runs nodes that nobody would write, but NonZero, whose shape its input does not say.
func TestRandomNodes(t *testing.T) {
	runtimetest.RandomNodes(t, gorgonia.Engine{}, "NonZero", "RandomUniformLike")
}
