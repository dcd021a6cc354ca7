package table_test

import (
	"slices"
	"testing"

	"alexctl/internal/table"
)

type color string

func (c color) Title() string { return string(c) }

func TestFind(t *testing.T) {
	colors := []color{"red", "green"}
	if got := table.Names(colors); !slices.Equal(got, []string{"red", "green"}) {
		t.Errorf("names %q", got)
	}
	if c, err := table.Find(colors, "color", "green"); c != "green" || err != nil {
		t.Errorf("%q, %v", c, err)
	}
	if c, err := table.Find(colors, "color", "gren"); c != "" || err == nil || err.Error() != `unknown color "gren", did you mean green? (known: red, green)` {
		t.Errorf("%q, %v", c, err)
	}
}
