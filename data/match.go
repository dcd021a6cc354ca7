package data

import (
	"maps"
	"slices"

	"alexctl/fault"
)

// Mapping says which class of a model each class of some data is.
type Mapping struct {
	// Order takes the data's classes for the model's in their order, whatever they are called.
	Order bool
	// Names are the model's names of the data's classes; those that are not in it are called
	// the same in both.
	Names map[string]string
}

// Match returns the number that each of the data's classes has among the model's, which may be
// nil where it does not name them: then they are taken in their order. Names that differ, and
// that the mapping does not explain, are fault.Invalid.
func Match(model, names []string, m Mapping) ([]int, error) {
	numbers, missing := make([]int, len(names)), []string{}
	for i, name := range names {
		numbers[i] = i
		if model == nil || m.Order {
			continue
		}
		if to, given := m.Names[name]; given {
			name = to
		}
		if numbers[i] = slices.Index(model, name); numbers[i] < 0 {
			missing = append(missing, name)
		}
	}
	if model == nil && m.Names != nil {
		return nil, fault.New(fault.Invalid, "the model does not name its classes, so names cannot say which is which").
			Hint(fault.Hint{Text: "take them in their order", Option: fault.ClassMap, Value: "order"})
	}
	for _, from := range slices.Sorted(maps.Keys(m.Names)) {
		if to := m.Names[from]; !slices.Contains(names, from) {
			return nil, fault.New(fault.Invalid, "the map names a class %q that the data do not have (they have %s)", from, Brief(names))
		} else if !slices.Contains(model, to) {
			return nil, fault.New(fault.Invalid, "the map has %q for %q, which the model does not have (it has %s)", to, from, Brief(model))
		}
	}
	hint := fault.Hint{Text: "take them in their order, or say which is which in a JSON object", Option: fault.ClassMap, Value: "order|FILE"}
	switch {
	case len(missing) > 0:
		return nil, fault.New(fault.Invalid, "the model has no class %s; the data have %s, the model has %s", Brief(missing), Brief(names), Brief(model)).Hint(hint)
	case m.Order && model != nil && len(model) != len(names):
		return nil, fault.New(fault.Invalid, "the data have %d classes (%s), the model has %d (%s): their order does not say which is which",
			len(names), Brief(names), len(model), Brief(model)).
			Hint(fault.Hint{Text: "say which is which in a JSON object", Option: fault.ClassMap, Value: "FILE"})
	}
	return numbers, nil
}
