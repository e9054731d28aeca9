package config

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/emptypb"

	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// Loaded is a checked configuration. It must not be changed, and is then safe
// for concurrent use.
type Loaded struct {
	// Config has a value or a default in every block but those whose presence
	// means something (tls). Its secrets are replaced by "[redacted]". Each
	// upstream of the program is in Upstreams, with what "default" says filled in.
	Config *configv1.Config

	names      []string // of the extensions, in the program's order
	extensions map[string]block
	origins    origins
	secrets    map[string]Secret
	files      map[string]File
	unread     Faults
	digest     [sha256.Size]byte // of the file
}

// nothing is a block without fields.
var nothing = (&emptypb.Empty{}).ProtoReflect()

func newLoaded(p *program) *Loaded {
	l := &Loaded{
		Config: &configv1.Config{}, extensions: map[string]block{},
		origins: origins{}, secrets: map[string]Secret{}, files: map[string]File{},
	}
	for _, e := range p.extensions {
		l.names = append(l.names, e.Name)
		l.extensions[e.Name] = block{e.Name, e.Message.ProtoReflect().New()}
	}
	return l
}

// blocks returns the core's message, then those of the extensions.
func (l *Loaded) blocks() []block {
	all := []block{{"", l.Config.ProtoReflect()}}
	for _, name := range l.names {
		all = append(all, l.extensions[name])
	}
	return all
}

// Extension returns a block of the program, of its message's type, with its
// defaults and without its secrets; nil for a name that is none. It must not be
// changed.
func (l *Loaded) Extension(name string) proto.Message {
	if found, ok := l.extensions[name]; ok {
		return found.message.Interface()
	}
	return nil
}

// Upstream returns where an upstream of the program is and how connections to it
// are kept, with what "default" says filled in, and without TLS where that is
// disabled; nil for a name that is none. It must not be changed.
func (l *Loaded) Upstream(name string) *configv1.Upstream { return l.Config.GetUpstreams()[name] }

// File returns the file that a field names, such as "auth.jwks_file" or
// "upstreams.orders.connection.tls.ca_file"; the zero File where it names none.
func (l *Loaded) File(field string) File { return l.files[field] }

// Secret returns the value of a secret field, such as "redis.password"; empty
// where it is not set.
func (l *Loaded) Secret(field string) Secret { return l.secrets[field] }

// RedisPassword returns redis.password, or what redis.password_file holds.
func (l *Loaded) RedisPassword() Secret { return l.SecretOrFile("redis.password") }

// SentinelPassword returns redis.sentinel_password, or what its file holds.
func (l *Loaded) SentinelPassword() Secret { return l.SecretOrFile("redis.sentinel_password") }

// SecretOrFile returns a secret such as "redis.password", or what the file that the
// field beside it names ("redis.password_file") holds, without the newline at its end.
func (l *Loaded) SecretOrFile(field string) Secret {
	if file, ok := l.files[field+"_file"]; ok {
		return newSecret(withoutNewline(file.Content.Reveal()))
	}
	return l.secrets[field]
}

// Unread returns what was left out for [Options.NoFiles], at its place.
func (l *Loaded) Unread() []Fault { return l.unread }

// Source returns where a field was written, such as "overrides[0]" or
// "overrides[0].policy.timeout.duration": the field itself, or the closest block
// around it that was. Nothing of a field with a default was.
func (l *Loaded) Source(path string) Source { return l.origins.within(path).Source }

// Written tells whether a field itself was written, be it with its default.
func (l *Loaded) Written(path string) bool {
	_, written := l.origins[path]
	return written
}

// Fault returns an error about a field for those who find more wrong than its
// form, such as an override that no RPC can have.
func (l *Loaded) Fault(path, message string) Fault {
	return Fault{Source: l.origins.of(path).Source, Field: path, Message: message}
}

// String returns the configuration without its secrets.
func (l *Loaded) String() string {
	var text strings.Builder
	text.WriteString(l.Config.String())
	for _, name := range l.names {
		fmt.Fprintf(&text, " %s:{%v}", name, l.extensions[name].message.Interface())
	}
	return text.String()
}

// GoString is String.
func (l *Loaded) GoString() string { return l.String() }

// LogValue is String.
func (l *Loaded) LogValue() slog.Value { return slog.StringValue(l.String()) }

// noteUnread notes the files that were not read.
func (l *Loaded) noteUnread() {
	for _, b := range l.blocks() {
		eachFile(b, func(field string, _ protoreflect.FieldDescriptor, _ string) {
			if !Within(field, "upstreams."+defaultUpstream) {
				l.unread = append(l.unread, l.Fault(field, "the file was not read"))
			}
		})
	}
	_ = l.unread.sorted() // in place
}
