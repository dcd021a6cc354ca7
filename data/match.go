package data

import (
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
	for from := range m.Names {
		if !slices.Contains(names, from) {
			return nil, fault.New(fault.Usage, "the data have no class %q (they have %s)", from, Brief(names))
		}
	}
	hint := fault.Hint{Text: "take them in their order, or say which is which in a JSON object", Option: fault.ClassMap, Value: "order|FILE"}
	switch {
	case len(missing) > 0:
		return nil, fault.New(fault.Invalid, "the model has no class %s; the data have %s, the model has %s", Brief(missing), Brief(names), Brief(model)).Hint(hint)
	case m.Order && model != nil && len(model) != len(names):
		return nil, fault.New(fault.Invalid, "the data have %d classes (%s), the model has %d (%s): their order does not say which is which",
			len(names), Brief(names), len(model), Brief(model)).Hint(hint)
	}
	return numbers, nil
}
