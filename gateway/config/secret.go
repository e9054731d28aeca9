package config

import (
	"log/slog"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// redacted stands for a secret wherever something is printed.
const redacted = "[redacted]"

// Secret is a value that must not be seen. However it is printed or logged, it
// shows "[redacted]", or nothing where it is empty. The zero value is empty.
type Secret struct {
	reveal func() string // a function: printers of structs see no text
}

func newSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{func() string { return text }}
}

// Reveal returns the value itself, for those that authenticate with it.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// String returns "[redacted]", or "" for an empty secret.
func (s Secret) String() string {
	if s.reveal == nil {
		return ""
	}
	return redacted
}

// GoString is String.
func (s Secret) GoString() string { return s.String() }

// MarshalText is String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue is String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

func isSecret(fd protoreflect.FieldDescriptor) bool {
	options, ok := fd.Options().(*descriptorpb.FieldOptions)
	return ok && options.GetDebugRedact()
}

// takeSecrets moves the secrets of a block out of it, so that the block can be
// printed. The result is by path.
func takeSecrets(b block, into map[string]Secret) {
	b.message.Range(func(fd protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		at := child(b.path, string(fd.Name()))
		if isSecret(fd) {
			into[at] = newSecret(value.String())
			b.message.Set(fd, protoreflect.ValueOfString(redacted))
			return true
		}
		inner(at, fd, value, func(path string, m protoreflect.Message) { takeSecrets(block{path, m}, into) })
		return true
	})
}
