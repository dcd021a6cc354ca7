package data_test

import (
	"slices"
	"testing"

	"alexctl/data"
	"alexctl/fault"
)

func TestMatch(t *testing.T) {
	model := []string{"cat", "dog", "fox"}
	for name, c := range map[string]struct {
		model, names []string
		m            data.Mapping
		want         []int // nil where it is refused
		kind         fault.Kind
	}{
		"equal":              {model: model, names: model, want: []int{0, 1, 2}},
		"another order":      {model: model, names: []string{"fox", "cat", "dog"}, want: []int{2, 0, 1}},
		"some of them":       {model: model, names: []string{"dog", "fox"}, want: []int{1, 2}},
		"no names":           {names: []string{"a", "b"}, want: []int{0, 1}},
		"other names":        {model: model, names: []string{"cat", "dog", "Fuchs"}, kind: fault.Invalid},
		"other case":         {model: model, names: []string{"Cat", "dog", "fox"}, kind: fault.Invalid},
		"mapped":             {model: model, names: []string{"cat", "dog", "Fuchs"}, m: data.Mapping{Names: map[string]string{"Fuchs": "fox"}}, want: []int{0, 1, 2}},
		"two to one":         {model: model, names: []string{"cat", "kitten"}, m: data.Mapping{Names: map[string]string{"kitten": "cat"}}, want: []int{0, 0}},
		"mapped to nothing":  {model: model, names: []string{"cat", "Fuchs"}, m: data.Mapping{Names: map[string]string{"Fuchs": "wolf"}}, kind: fault.Invalid},
		"maps what is not":   {model: model, names: []string{"cat"}, m: data.Mapping{Names: map[string]string{"Hund": "dog"}}, kind: fault.Invalid},
		"mapped, no names":   {names: []string{"a", "b"}, m: data.Mapping{Names: map[string]string{"a": "cat"}}, kind: fault.Invalid},
		"in order":           {model: model, names: []string{"x", "y", "z"}, m: data.Mapping{Order: true}, want: []int{0, 1, 2}},
		"in order, too few":  {model: model, names: []string{"x", "y"}, m: data.Mapping{Order: true}, kind: fault.Invalid},
		"order, not by name": {model: model, names: []string{"dog", "cat", "fox"}, m: data.Mapping{Order: true}, want: []int{0, 1, 2}},
	} {
		got, err := data.Match(c.model, c.names, c.m)
		if !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) || err != nil && fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
