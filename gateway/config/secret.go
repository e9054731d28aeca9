package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// redacted stands for a secret wherever something is printed.
const redacted = "[redacted]"

// mostSecret bounds the files that secrets are read from.
const mostSecret = 64 << 10

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

// takeSecrets moves the secrets of a message out of it, so that the message can
// be printed. The result is by path.
func takeSecrets(path string, m protoreflect.Message, into map[string]Secret) {
	m.Range(func(fd protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch at := child(path, string(fd.Name())); {
		case isSecret(fd):
			into[at] = newSecret(value.String())
			m.Set(fd, protoreflect.ValueOfString(redacted))
		case fd.Message() != nil && !fd.IsList() && !fd.IsMap():
			takeSecrets(at, value.Message(), into)
		}
		return true
	})
}

// readSecret reads a file without the newline at its end. The error does not
// hold the path: who mistakes the field writes the secret there.
func readSecret(path string) (Secret, error) {
	file, err := os.Open(path)
	if err != nil {
		return Secret{}, withoutPath(err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, mostSecret+1))
	switch {
	case err != nil:
		return Secret{}, withoutPath(err)
	case len(text) > mostSecret:
		return Secret{}, fmt.Errorf("the file has more than %d bytes", mostSecret)
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if secret == "" {
		return Secret{}, errors.New("the file is empty")
	}
	return newSecret(secret), nil
}

func withoutPath(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
