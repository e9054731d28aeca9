package policy

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Template is text with fields in braces, such as the tag "order:{id}". Fields
// and literals take turns, a literal first. It is immutable and safe for
// concurrent use.
type Template struct {
	literals []string // one more than fields
	fields   []string
}

// ParseTemplate parses a tag, a location or a successor. Braces cannot be
// written in any other sense.
func ParseTemplate(text string) (Template, error) {
	if text == "" {
		return Template{}, errors.New("it is empty")
	}
	var t Template
	rest := text
	for {
		literal, after, opened := strings.Cut(rest, "{")
		if strings.Contains(literal, "}") {
			return Template{}, fmt.Errorf("%q has a } without {", text)
		}
		t.literals = append(t.literals, literal)
		if opened && strings.HasSuffix(literal, "$") {
			return Template{}, fmt.Errorf("%q has a $ before {, which would be part of the text", text)
		}
		if !opened {
			return t, nil
		}
		field, tail, closed := strings.Cut(after, "}")
		switch {
		case !closed || strings.Contains(field, "{"):
			return Template{}, fmt.Errorf("%q has a { without }", text)
		case field == "":
			return Template{}, fmt.Errorf("%q names no field in its braces", text)
		}
		t.fields = append(t.fields, field)
		rest = tail
	}
}

// Fields returns the paths in braces, in order. The caller must not change them.
func (t Template) Fields() []string { return t.fields }

// Expand returns the text with each field replaced by its value.
func (t Template) Expand(value func(field string) string) string {
	var b strings.Builder
	for i, literal := range t.literals {
		b.WriteString(literal)
		if i < len(t.fields) {
			b.WriteString(value(t.fields[i]))
		}
	}
	return b.String()
}

const templateRemedy = `write text with fields in braces, such as "order:{id}"`

// mostTags is how many tags a block holds.
const mostTags = 16

// tags checks the syntax of a list of tags.
func (f *faults) tags(path string, tags []string) {
	f.list(path, tags, mostTags)
	for i, tag := range tags {
		if _, err := ParseTemplate(tag); err != nil && tag != "" {
			f.add(entry(path, i), err.Error(), templateRemedy)
		}
	}
}

// tagFields checks that each field of each tag leads from the message to a value.
func (f *faults) tagFields(path string, message protoreflect.MessageDescriptor, tags []string) {
	for i, tag := range tags {
		f.templateFields(entry(path, i), message, tag)
	}
}

// templateFields does the same for one text. It leaves out what does not parse.
func (f *faults) templateFields(path string, message protoreflect.MessageDescriptor, text string) {
	template, err := ParseTemplate(text)
	if err != nil {
		return
	}
	for _, field := range template.Fields() {
		f.field(path, message, field)
	}
}
