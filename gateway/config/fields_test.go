package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

var schemaOf = (&configv1.Config{}).ProtoReflect().Descriptor()

// own calls f with every field of the configuration's own messages.
func own(md protoreflect.MessageDescriptor, path string, f func(path string, fd protoreflect.FieldDescriptor)) {
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		f(child(path, string(fd.Name())), fd)
		inner := fd.Message()
		if fd.IsMap() {
			inner = fd.MapValue().Message()
		}
		if inner != nil && inner.ParentFile().Package() == "venta.config.v1" {
			own(inner, child(path, string(fd.Name())), f)
		}
	}
}

// TestFieldsCanBeRead holds the schema to what the decoder knows, and to its own
// promise that every value has its bounds.
func TestFieldsCanBeRead(t *testing.T) {
	own(schemaOf, "", func(path string, fd protoreflect.FieldDescriptor) {
		switch fd.Kind() {
		case protoreflect.StringKind, protoreflect.BoolKind, protoreflect.Int32Kind, protoreflect.Int64Kind,
			protoreflect.DoubleKind, protoreflect.EnumKind, protoreflect.MessageKind:
		default:
			t.Errorf("%s: kind %v", path, fd.Kind())
		}
		if fd.IsMap() && (fd.MapKey().Kind() != protoreflect.StringKind || isScalar(fd.MapValue())) {
			t.Errorf("%s: a map can only be from names to blocks", path)
		}
		if isSecret(fd) && fd.Kind() != protoreflect.StringKind {
			t.Errorf("%s: a secret is a text", path)
		}
		bounded := fd.IsList() || fd.IsMap() || isScalar(fd) && fd.Kind() != protoreflect.BoolKind
		if bounded && !proto.HasExtension(fd.Options(), validate.E_Field) {
			t.Errorf("%s: no rule bounds it", path)
		}
	})
}

// TestEveryFieldCanBeSetAndItsChangeIsSeen sets each variable of the environment
// to something that is valid and not the default.
func TestEveryFieldCanBeSetAndItsChangeIsSeen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("in a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	values := []string{"true", "3", "20000", "70000", "2000000", "70s", "4s", "300ms", "50ms", "0.5", "a:1", "https://a", "::1", "cluster", "debug", "json", "draft_03", file, "text"}
	// Fields that only mean something beside others.
	surroundings := [][]string{
		nil,
		{"VENTA_REDIS_ADDRESSES=b:2"},
		{"VENTA_AUTH_ISSUER=i"},
		{"VENTA_REDIS_ADDRESSES=b:2", "VENTA_REDIS_MODE=sentinel", "VENTA_REDIS_MASTER_NAME=m"},
		{"VENTA_REDIS_ADDRESSES=b:2", "VENTA_REDIS_MODE=sentinel", "VENTA_REDIS_MASTER_NAME=m", "VENTA_REDIS_PASSWORD=p", "VENTA_REDIS_SENTINEL_PASSWORD=p"},
		{"VENTA_REDIS_TLS_CERT_FILE=c", "VENTA_REDIS_TLS_KEY_FILE=k"},
		{"VENTA_UPSTREAMS_CONNECTION_TLS_CERT_FILE=c", "VENTA_UPSTREAMS_CONNECTION_TLS_KEY_FILE=k"},
		{"VENTA_HTTP_LISTENER_TLS_CERT_FILE=c", "VENTA_HTTP_LISTENER_TLS_KEY_FILE=k"},
		{"VENTA_ADMIN_LISTENER_TLS_CERT_FILE=c", "VENTA_ADMIN_LISTENER_TLS_KEY_FILE=k"},
	}
	variables := fieldsByVariable("", schemaOf, map[string]string{})
	settable := 0
	own(schemaOf, "", func(path string, fd protoreflect.FieldDescriptor) {
		if isScalar(fd) && !strings.HasPrefix(path, "overrides.") && !strings.HasPrefix(path, "upstreams.connections.") {
			settable++
		}
	})
	if settable != len(variables) {
		t.Errorf("%d fields have %d variables: two share a name", settable, len(variables))
	}
	for variable, field := range variables {
		if !changes(t, variable, field, surroundings, values) {
			t.Errorf("no value of %s changes %s", variable, field)
		}
	}
}

func changes(t *testing.T, variable, field string, surroundings [][]string, values []string) bool {
	for _, around := range surroundings {
		before, err := Load(Options{Environ: around})
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range values {
			after, err := Load(Options{Environ: append(slices.Clone(around), variable+"="+value)})
			if err != nil {
				continue
			}
			if changed := Changed(before, after); len(changed) > 0 {
				within := slices.ContainsFunc(changed, func(path string) bool { return within([]string{path}, field) })
				if !within || after.Source(field).String() != variable {
					t.Errorf("%s=%s changes %v, said by %v", variable, value, changed, after.Source(field))
				}
				return true
			}
		}
	}
	return false
}
