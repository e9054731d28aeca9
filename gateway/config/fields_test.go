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
)

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
	if err := checkFields(coreFields, nil); err != nil {
		t.Error(err)
	}
	own(coreFields, "", func(path string, fd protoreflect.FieldDescriptor) {
		bounded := fd.IsList() || fd.IsMap() || isScalar(fd) && fd.Kind() != protoreflect.BoolKind
		if bounded && !proto.HasExtension(fd.Options(), validate.E_Field) {
			t.Errorf("%s: no rule bounds it", path)
		}
	})
}

// TestEveryFieldCanBeSetAndItsChangeIsSeen sets each variable of the environment
// to something that is valid and not the default.
func TestEveryFieldCanBeSetAndItsChangeIsSeen(t *testing.T) {
	file, other := filepath.Join(t.TempDir(), "secret"), filepath.Join(t.TempDir(), "other")
	for _, path := range []string{file, other} {
		if err := os.WriteFile(path, []byte("in a file"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	values := []string{"true", "false", "clear", "3", "20000", "70000", "2000000", "70s", "4s", "40s", "300ms", "50ms", "0.5", "a:1", "https://a", "https://a/b", "token", "::1", "cluster", "debug", "json", "grpc", "draft_03", file, "text", "RS256", "orders"}
	// Fields that only mean something beside others.
	surroundings := [][]string{
		nil,
		{"VENTA_REDIS_ADDRESSES=b:2"},
		{"VENTA_EVENTS_URL=nats://a"},
		{"VENTA_EVENTS_URL=nats://a", "VENTA_EVENTS_TLS_CERT_FILE=" + other, "VENTA_EVENTS_TLS_KEY_FILE=" + other},
		{"VENTA_AUTH_ISSUER=i"},
		{"VENTA_IDENTITY_FORM=token"},
		{"VENTA_REDIS_ADDRESSES=b:2", "VENTA_REDIS_MODE=sentinel", "VENTA_REDIS_MASTER_NAME=m"},
		{"VENTA_REDIS_ADDRESSES=b:2", "VENTA_REDIS_MODE=sentinel", "VENTA_REDIS_MASTER_NAME=m", "VENTA_REDIS_PASSWORD=p", "VENTA_REDIS_SENTINEL_PASSWORD=p"},
		{"VENTA_REDIS_TLS_CERT_FILE=" + other, "VENTA_REDIS_TLS_KEY_FILE=" + other},
		{"VENTA_UPSTREAMS_DEFAULT_CONNECTION_TLS_CERT_FILE=" + other, "VENTA_UPSTREAMS_DEFAULT_CONNECTION_TLS_KEY_FILE=" + other},
		{"VENTA_UPSTREAMS_ORDERS_CONNECTION_TLS_CERT_FILE=" + other, "VENTA_UPSTREAMS_ORDERS_CONNECTION_TLS_KEY_FILE=" + other},
		{"VENTA_UPSTREAMS_DEFAULT_CONNECTION_TLS_CA_FILE=" + other},
		{"VENTA_HTTP_LISTENER_TLS_CERT_FILE=" + other, "VENTA_HTTP_LISTENER_TLS_KEY_FILE=" + other},
		{"VENTA_ADMIN_ACCESS_TOKENS_FILE=" + other},
		{"VENTA_ADMIN_LISTENER_TLS_CERT_FILE=" + other, "VENTA_ADMIN_LISTENER_TLS_KEY_FILE=" + other},
	}
	p, err := newProgram(oneUpstream)
	if err != nil {
		t.Fatal(err)
	}
	settable := 0
	own(coreFields, "", func(path string, fd protoreflect.FieldDescriptor) {
		switch {
		case !isScalar(fd) || strings.HasPrefix(path, "overrides.") || strings.HasPrefix(path, "webhooks.secrets."),
			strings.HasPrefix(path, "events.purges."):
		case strings.HasPrefix(path, "upstreams."):
			settable += 2 // of orders and default
		default:
			settable++
		}
	})
	if settable != len(p.variables) {
		t.Errorf("%d fields have %d variables", settable, len(p.variables))
	}
	for variable, field := range p.variables {
		if !changes(t, variable, field, surroundings, values) {
			t.Errorf("no value of %s changes %s", variable, field)
		}
	}
}

var oneUpstream = Options{Upstreams: map[string]string{"orders": "127.0.0.1:1"}}

func (o Options) with(environ ...string) Options {
	o.Environ = environ
	return o
}

func changes(t *testing.T, variable, field string, surroundings [][]string, values []string) bool {
	for _, around := range surroundings {
		before, err := Load(oneUpstream.with(around...))
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range values {
			after, err := Load(oneUpstream.with(append(slices.Clone(around), variable+"="+value)...))
			if err != nil {
				continue
			}
			if changed := Changed(before, after); len(changed) > 0 {
				inForce := strings.Replace(field, "upstreams.default.", "upstreams.orders.", 1)
				within := slices.ContainsFunc(changed, func(c Change) bool { return Within(inForce, c.Path) })
				if !within || after.Source(field).String() != variable {
					t.Errorf("%s=%s changes %v, said by %v", variable, value, changed, after.Source(field))
				}
				return true
			}
		}
	}
	return false
}
