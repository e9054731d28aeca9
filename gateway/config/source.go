package config

import (
	"fmt"
	"slices"
	"strings"
)

// Source is where a value was written. The zero value stands for a default.
type Source struct {
	// Name is the file's path, an environment variable ("VENTA_HTTP") or a flag
	// ("--http"); empty for a default.
	Name string
	// Line and Column count from 1; 0 outside of files.
	Line, Column int
}

// String returns "venta.yaml:4:9", "VENTA_HTTP", "--http" or "default".
func (s Source) String() string {
	switch {
	case s.Name == "":
		return "default"
	case s.Line == 0:
		return s.Name
	default:
		return fmt.Sprintf("%s:%d:%d", s.Name, s.Line, s.Column)
	}
}

// Fault is something wrong with one field.
type Fault struct {
	Source Source
	// Field is the field's path, such as "overrides[0].methods"; empty for what
	// concerns no field.
	Field string
	// Message says what is wrong and what to do. It never holds a secret, nor a
	// value that a variable gave.
	Message string
}

// Error returns one line: source, field, message.
func (f Fault) Error() string {
	if f.Field == "" {
		return fmt.Sprintf("%s: %s", f.Source, f.Message)
	}
	return fmt.Sprintf("%s: %s: %s", f.Source, f.Field, f.Message)
}

// Faults is everything that is wrong with a configuration, in the order in
// which it was written. As an error it has at least one.
type Faults []Fault

// Error returns a line for each fault.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.Error()
	}
	return strings.Join(lines, "\n")
}

// sorted returns the faults by where they were written, and nil for none.
func (f Faults) sorted() error {
	if len(f) == 0 {
		return nil
	}
	slices.SortStableFunc(f, func(a, b Fault) int {
		if byName := strings.Compare(a.Source.Name, b.Source.Name); byName != 0 {
			return byName
		}
		if a.Source.Line != b.Source.Line {
			return a.Source.Line - b.Source.Line
		}
		return a.Source.Column - b.Source.Column
	})
	return f
}

// origins remembers where each value was written, by the path of its field.
type origins map[string]origin

type origin struct {
	Source
	variable bool // the value comes from a variable, and is not to be shown
}

// within returns the origin of a field, or of the closest block around it.
func (o origins) within(path string) origin {
	for path != "" {
		if found, ok := o[path]; ok {
			return found
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return origin{}
}

// of is within, or where the file begins.
func (o origins) of(path string) origin {
	if found := o.within(path); found.Name != "" {
		return found
	}
	return o[""]
}
