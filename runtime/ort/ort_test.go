package ort_test

import (
	"testing"

	"alexctl/runtime/ort"
	"alexctl/runtime/runtimetest"
)

func TestONNXRuntime(t *testing.T) {
	for _, level := range []string{"off", "all"} {
		t.Run(level, func(t *testing.T) {
			e, err := ort.New(ort.Config{Optimization: level, Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			runtimetest.Run(t, e)
		})
	}
}

func TestOfficial(t *testing.T) {
	e, err := ort.New(ort.Config{Optimization: "off", Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	runtimetest.Official(t, e, "ort")
}
