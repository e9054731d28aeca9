package resolve

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Faults is everything that is wrong with the schemas, in the order of their
// names and positions. Its text has one line for each:
//
//	path/file.proto:LINE:COLUMN: what is wrong; what to do
type Faults []string

// Warnings is what is right and yet worth a look, in the same order and form:
//
//	path/file.proto:LINE:COLUMN: warning: what is worth it; what to do
type Warnings []string

// Error implements error.
func (f Faults) Error() string { return strings.Join(f, "\n") }

// fault is a fault at a position. It is comparable.
type fault struct {
	at              position
	problem, remedy string
}

// report collects faults. A fault in an inherited block is one fault, however
// many RPCs inherit it.
type report struct {
	found   []fault
	inherit map[fault][]string // the RPCs that a fault is inherited by
}

func newReport() *report { return &report{inherit: map[fault][]string{}} }

// add notes a fault.
func (r *report) add(f fault) {
	if !slices.Contains(r.found, f) {
		r.found = append(r.found, f)
	}
}

// addInherited notes a fault that an inherited block causes on an RPC.
func (r *report) addInherited(f fault, rpc string) {
	r.add(f)
	r.inherit[f] = append(r.inherit[f], rpc)
}

// lines returns what was noted, in order, each with a word before it.
func (r *report) lines(word string) []string {
	slices.SortStableFunc(r.found, func(a, b fault) int {
		return cmp.Or(
			strings.Compare(a.at.file, b.at.file),
			cmp.Compare(a.at.line, b.at.line),
			cmp.Compare(a.at.column, b.at.column),
		)
	})
	var lines []string
	for _, f := range r.found {
		lines = append(lines, fmt.Sprintf("%s: %s%s%s; %s", f.at, word, f.problem, inheritedBy(r.inherit[f]), f.remedy))
	}
	return lines
}

// mostNamed is how many RPCs a fault names.
const mostNamed = 5

func inheritedBy(rpcs []string) string {
	if len(rpcs) == 0 {
		return ""
	}
	named := strings.Join(rpcs[:min(len(rpcs), mostNamed)], ", ")
	if more := len(rpcs) - mostNamed; more > 0 {
		named += fmt.Sprintf(" and %d more", more)
	}
	return " (inherited by " + named + ")"
}

// String returns "path/file.proto:LINE:COLUMN".
func (p position) String() string {
	if p.line == 0 {
		return p.file
	}
	return fmt.Sprintf("%s:%d:%d", p.file, p.line, p.column)
}
