package policy

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// FieldPath leads from a message, through singular message fields, to a singular
// scalar or enum. It is never empty and is safe for concurrent use.
type FieldPath []protoreflect.FieldDescriptor

// PathError says why a path leads nowhere.
type PathError struct {
	Path    string
	Problem string
	Remedy  string
}

// Error implements error.
func (e *PathError) Error() string { return e.Problem + "; " + e.Remedy }

// ResolveFieldPath follows a dotted path of proto names, such as "filter.city",
// from a message. Every error is a [*PathError].
func ResolveFieldPath(message protoreflect.MessageDescriptor, path string) (FieldPath, error) {
	found, wrong := resolve(message, path)
	if wrong != nil {
		return nil, wrong
	}
	return found, nil
}

func resolve(message protoreflect.MessageDescriptor, path string) (FieldPath, *PathError) {
	var found FieldPath
	at := message
	for name := range strings.SplitSeq(path, ".") {
		if at == nil {
			return nil, &PathError{path, fmt.Sprintf("%q goes on after a value", path), fmt.Sprintf("end the path at %q", found[len(found)-1].Name())}
		}
		field := at.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			return nil, &PathError{path, fmt.Sprintf("%s has no field %q", at.Name(), name), "use one of its fields: " + fieldNames(at)}
		}
		if field.Cardinality() == protoreflect.Repeated {
			return nil, &PathError{path, fmt.Sprintf("%q is repeated", path), "name a field with a single value"}
		}
		found = append(found, field)
		at = field.Message()
	}
	if at != nil {
		return nil, &PathError{path, fmt.Sprintf("%q is a message", path), "name a value in it: " + prefixed(path, at)}
	}
	return found, nil
}

// IsInteger tells whether the path ends at an integer.
func (p FieldPath) IsInteger() bool {
	switch p[len(p)-1].Kind() {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind,
		protoreflect.Uint32Kind, protoreflect.Fixed32Kind,
		protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind,
		protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return true
	default:
		return false
	}
}

// kind returns that of the path's end, or 0.
func (p FieldPath) kind() protoreflect.Kind {
	if len(p) == 0 {
		return 0
	}
	return p[len(p)-1].Kind()
}

// field checks that a path leads from the message to a value.
func (f *faults) field(path string, message protoreflect.MessageDescriptor, field string) (FieldPath, bool) {
	found, wrong := resolve(message, field)
	if wrong != nil {
		f.add(path, wrong.Problem, wrong.Remedy)
	}
	return found, wrong == nil
}

// mostNamed is how many fields a remedy lists.
const mostNamed = 12

func fieldNames(message protoreflect.MessageDescriptor) string {
	fields := message.Fields()
	if fields.Len() == 0 {
		return "it has none"
	}
	var names []string
	for i := range min(fields.Len(), mostNamed) {
		names = append(names, string(fields.Get(i).Name()))
	}
	if fields.Len() > mostNamed {
		names = append(names, "...")
	}
	return strings.Join(names, ", ")
}

func prefixed(path string, message protoreflect.MessageDescriptor) string {
	if message.Fields().Len() == 0 {
		return "it has none"
	}
	return path + "." + string(message.Fields().Get(0).Name())
}
