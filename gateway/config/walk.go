package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// block is a message at the path where its fields are.
type block struct {
	path    string
	message protoreflect.Message
}

func child(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func item(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// fieldOf is the path without entries of lists: "overrides" for
// "overrides[2].policy.timeout".
func fieldOf(path string) string {
	field, _, _ := strings.Cut(path, "[")
	return field
}

// Within reports whether a path is one of the fields, or of something in one:
// "redis.tls.ca_file" and "overrides[2].policy" are within "redis" and
// "overrides".
func Within(path string, fields ...string) bool {
	return slices.ContainsFunc(fields, func(field string) bool {
		rest, ok := strings.CutPrefix(path, field)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// messageOf is the message of a field, of the values of a list or of a map; nil
// for those without fields of their own.
func messageOf(fd protoreflect.FieldDescriptor) protoreflect.MessageDescriptor {
	if fd.IsMap() {
		fd = fd.MapValue()
	}
	if isScalar(fd) {
		return nil
	}
	return fd.Message()
}

// inner calls visit with every message that is set in a field, in order.
func inner(path string, fd protoreflect.FieldDescriptor, value protoreflect.Value, visit func(path string, m protoreflect.Message)) {
	switch {
	case messageOf(fd) == nil:
	case fd.IsMap():
		for _, name := range keys(value.Map()) {
			visit(child(path, name), value.Map().Get(keyOf(name)).Message())
		}
	case fd.IsList():
		for i := range value.List().Len() {
			visit(item(path, i), value.List().Get(i).Message())
		}
	default:
		visit(path, value.Message())
	}
}

// keys returns the keys of a map in alphabetical order.
func keys(m protoreflect.Map) []string {
	names := map[string]bool{}
	m.Range(func(key protoreflect.MapKey, _ protoreflect.Value) bool {
		names[key.String()] = true
		return true
	})
	return slices.Sorted(maps.Keys(names))
}

func keyOf(name string) protoreflect.MapKey { return protoreflect.ValueOfString(name).MapKey() }
