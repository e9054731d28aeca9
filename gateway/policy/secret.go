package policy

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// IsSecret reports whether the schema calls a field a secret (debug_redact): its value
// stands in no log, span or error.
func IsSecret(field protoreflect.FieldDescriptor) bool {
	options, ok := field.Options().(*descriptorpb.FieldOptions)
	return ok && options.GetDebugRedact()
}

// HasSecrets reports whether a message, or one within it, has a secret field.
func HasSecrets(message protoreflect.MessageDescriptor) bool {
	return hasSecrets(message, map[protoreflect.FullName]bool{})
}

func hasSecrets(message protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) bool {
	if seen[message.FullName()] {
		return false
	}
	seen[message.FullName()] = true
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if IsSecret(field) || field.Message() != nil && hasSecrets(field.Message(), seen) {
			return true
		}
	}
	return false
}
