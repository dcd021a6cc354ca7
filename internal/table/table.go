// Package table looks up rows of small tables by name.
package table

import (
	"fmt"
	"strings"

	"alexctl/internal/nearest"
)

// Row is what a table holds.
type Row interface{ Title() string }

// Names returns the names of the rows.
func Names[T Row](rows []T) []string {
	var names []string
	for _, r := range rows {
		names = append(names, r.Title())
	}
	return names
}

// Find returns the row of a name. Without one the error says what the name should have been,
// such as "variant", suggests a near miss and lists all names.
func Find[T Row](rows []T, what, name string) (T, error) {
	for _, r := range rows {
		if r.Title() == name {
			return r, nil
		}
	}
	var none T
	names := Names(rows)
	return none, fmt.Errorf("unknown %s %q%s (known: %s)", what, name, nearest.Hint(name, names), strings.Join(names, ", "))
}
