package annotation

import "google.golang.org/protobuf/reflect/protoreflect"

// IsUnsupported tells whether a field is refused wherever it stands.
func IsUnsupported(field protoreflect.FieldDescriptor) bool {
	_, found := findUnsupported(field, anyValue)
	return found
}
