package annotation

import (
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// TestUnsupportedNames holds that each entry of the list names what the schema
// has: a name that is mistyped or renamed would let the field pass in silence.
func TestUnsupportedNames(t *testing.T) {
	for _, entry := range unsupported() {
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(entry.field)
		field, ok := found.(protoreflect.FieldDescriptor)
		if err != nil || !ok {
			t.Errorf("%s is not a field: %v", entry.field, err)
			continue
		}
		if entry.value != anyValue && field.Enum().Values().ByNumber(entry.value) == nil {
			t.Errorf("%s has no value %d", entry.field, entry.value)
		}
		if entry.remedy == "" {
			t.Errorf("%s has no remedy", entry.field)
		}
	}
}
