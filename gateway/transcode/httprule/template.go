// Package httprule parses the path templates of google.api.http
// (google/api/http.proto, "Path template syntax"):
//
//	Template = "/" Segments [ Verb ] ;
//	Segments = Segment { "/" Segment } ;
//	Segment  = "*" | "**" | LITERAL | Variable ;
//	Variable = "{" FieldPath [ "=" Segments ] "}" ;
//	Verb     = ":" LITERAL ;
package httprule

import (
	"slices"
	"strings"
)

// Template is a parsed path template. It is immutable and safe for concurrent use.
type Template struct {
	source    string
	segments  []Segment
	variables []Variable
	verb      string
	strict    bool
}

// Segment is one part of a template's path, variables flattened.
type Segment struct {
	Kind    Kind
	Literal string // with Kind Literal
}

// Kind is what a segment matches.
type Kind int

// The kinds of a segment.
const (
	Literal  Kind = iota // exactly its text
	Wildcard             // "*": one path segment
	Deep                 // "**": zero or more path segments, or as IsStrict says; once in a template
)

// Variable is a field that takes the path segments [Start, End) of the
// template; the segment End-1 may be [Deep] and take several.
type Variable struct {
	FieldPath  string
	Start, End int
}

// String returns the template as it was written.
func (t *Template) String() string { return t.source }

// Segments returns the flattened segments; the caller must not change them.
func (t *Template) Segments() []Segment { return t.segments }

// Variables returns the variables in the order of the path; the caller must not
// change them.
func (t *Template) Variables() []Variable { return t.variables }

// Verb returns the custom verb without its colon, or "".
func (t *Template) Verb() string { return t.verb }

// StrictDeepWildcard returns the template with a "**" behind another segment
// that takes at least one segment of a path.
func (t *Template) StrictDeepWildcard() *Template {
	strict := *t
	strict.strict = true
	return &strict
}

// IsStrict tells whether a "**" behind another segment takes at least one.
func (t *Template) IsStrict() bool { return t.strict }

// DeepIndex returns the index of the "**" among the segments, or -1.
func (t *Template) DeepIndex() int {
	return slices.IndexFunc(t.segments, func(s Segment) bool { return s.Kind == Deep })
}

// Shape returns the template with its variables' names erased. Two templates
// of equal shape match the same paths.
func (t *Template) Shape() string {
	var b strings.Builder
	for _, s := range t.segments {
		b.WriteByte('/')
		b.WriteString(s.String())
	}
	if len(t.segments) == 0 {
		b.WriteByte('/')
	}
	switch n := len(t.segments); {
	case t.verb != "":
		b.WriteString(":" + t.verb)
	case n > 0 && strings.Contains(t.segments[n-1].Literal, ":"):
		b.WriteByte(':') // or its last part would read as a verb
	}
	return b.String()
}

// String returns the segment as a template writes it.
func (s Segment) String() string {
	switch s.Kind {
	case Wildcard:
		return "*"
	case Deep:
		return "**"
	default:
		return s.Literal
	}
}
