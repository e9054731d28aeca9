package config

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
)

// mostRendered bounds a value in a line about a change.
const mostRendered = 120

// renderField returns a field's value as a line: "none" for what is not there,
// and nothing of secrets and of values that come from a variable.
func renderField(o origins, path string, fd protoreflect.FieldDescriptor, m protoreflect.Message) string {
	if !m.Has(fd) && (fd.HasPresence() || fd.Kind() == protoreflect.StringKind || fd.IsList()) {
		return none
	}
	var out strings.Builder
	(&renderer{o, &out}).field(path, fd, m.Get(fd))
	return cut(out.String())
}

// renderMessage returns a block as a line.
func renderMessage(o origins, path string, m protoreflect.Message) string {
	var out strings.Builder
	(&renderer{o, &out}).message(path, m)
	return cut(out.String())
}

func cut(text string) string {
	if len(text) <= mostRendered {
		return text
	}
	return strings.ToValidUTF8(text[:mostRendered], "") + "..."
}

// renderer writes values in the form of YAML's {a: 1, b: [2]}.
type renderer struct {
	origins origins
	out     *strings.Builder
}

func (r *renderer) field(path string, fd protoreflect.FieldDescriptor, value protoreflect.Value) {
	switch {
	case fd.IsMap():
		r.between("{", "}", len(keys(value.Map())), func(i int) {
			name := keys(value.Map())[i]
			r.out.WriteString(name + ": ")
			r.message(child(path, name), value.Map().Get(keyOf(name)).Message())
		})
	case fd.IsList():
		r.between("[", "]", value.List().Len(), func(i int) { r.value(item(path, i), fd, value.List().Get(i)) })
	default:
		r.value(path, fd, value)
	}
}

func (r *renderer) message(path string, m protoreflect.Message) {
	var set []protoreflect.FieldDescriptor
	for i := range m.Descriptor().Fields().Len() {
		if fd := m.Descriptor().Fields().Get(i); m.Has(fd) {
			set = append(set, fd)
		}
	}
	r.between("{", "}", len(set), func(i int) {
		name := string(set[i].Name())
		r.out.WriteString(name + ": ")
		r.field(child(path, name), set[i], m.Get(set[i]))
	})
}

// between writes entries, as long as there is room.
func (r *renderer) between(open, end string, n int, entry func(i int)) {
	r.out.WriteString(open)
	for i := range n {
		if r.out.Len() > mostRendered {
			break // it is cut off
		}
		if i > 0 {
			r.out.WriteString(", ")
		}
		entry(i)
	}
	r.out.WriteString(end)
}

func (r *renderer) value(path string, fd protoreflect.FieldDescriptor, value protoreflect.Value) {
	switch {
	case messageOf(fd) != nil:
		r.message(path, value.Message())
	case r.origins[path].variable:
		r.out.WriteString(fromVariable)
	case isSecret(fd):
		r.out.WriteString(redacted)
	default:
		r.out.WriteString(word(fd, value))
	}
}

// word is a value as it is written, in quotes where it would be taken for
// something else.
func word(fd protoreflect.FieldDescriptor, value protoreflect.Value) string {
	switch fd.Kind() {
	case protoreflect.StringKind:
		text := value.String()
		switch {
		case strings.Contains(text, "@"):
			return redacted // such as a URL with a password
		case text == "" || strings.ContainsFunc(text, func(c rune) bool { return !strconv.IsPrint(c) || strings.ContainsRune(" ,{}[]\"", c) }):
			return strconv.Quote(shortened(text))
		default:
			return shortened(text)
		}
	case protoreflect.EnumKind:
		if found := fd.Enum().Values().ByNumber(value.Enum()); found != nil {
			return string(found.Name())
		}
		return value.String()
	case protoreflect.MessageKind:
		if d, ok := value.Message().Interface().(*durationpb.Duration); ok {
			return briefly(d.AsDuration())
		}
		return value.String()
	default:
		return value.String()
	}
}
