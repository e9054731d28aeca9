package config_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/venta-hq/venta/gateway/config"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// database is a block of a program.
const database = `
syntax = "proto3";
package shop;
import "buf/validate/validate.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/timestamp.proto";
message Database {
  string url = 1 [(buf.validate.field).string.max_len = 30];
  string password = 2 [debug_redact = true];
  int64 pool_bytes = 3;
  google.protobuf.Duration idle = 4;
  repeated Replica replicas = 5;
  map<string, Replica> shards = 6;
  repeated string script_file = 7;
  Replica primary = 8;
}
message Replica {
  string password = 1 [debug_redact = true];
  string ca_file = 2;
  Mode mode = 3;
}
enum Mode {
  MODE_UNSPECIFIED = 0;
  MODE_FAST = 1;
}
message Wrong {
  Wrong self = 1;
  map<int32, Replica> numbered = 2;
  repeated string secrets = 3 [debug_redact = true];
  bytes blob = 4;
  int32 key_file = 5;
  google.protobuf.Timestamp at = 6;
}
`

const databaseSample = `# The database.
database:
  url: "file:shop.db"
  pool_bytes: 65536 # or 64Ki
  idle: 1m
#  password: ${DATABASE_PASSWORD}
`

func messageFrom(t *testing.T, name protoreflect.Name) proto.Message {
	t.Helper()
	linked := protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
		fd, err := protoregistry.GlobalFiles.FindFileByPath(path)
		return protocompile.SearchResult{Desc: fd}, err
	})
	own := &protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(map[string]string{"shop.proto": database})}
	files, err := (&protocompile.Compiler{Resolver: protocompile.CompositeResolver{own, linked}}).Compile(context.Background(), "shop.proto")
	must(t, err)
	// The options as generated code has them.
	text, err := proto.Marshal(protodesc.ToFileDescriptorProto(files[0]))
	must(t, err)
	var described descriptorpb.FileDescriptorProto
	must(t, proto.Unmarshal(text, &described))
	file, err := protodesc.NewFile(&described, protoregistry.GlobalFiles)
	must(t, err)
	return dynamicpb.NewMessage(file.Messages().ByName(name))
}

func withDatabase(t *testing.T, text string, environ ...string) config.Options {
	t.Helper()
	return config.Options{File: write(t, text), Environ: environ, Extensions: []config.Extension{
		{Name: "database", Message: messageFrom(t, "Database"), Sample: databaseSample},
		{Name: "store", Message: &configv1.Redis{}, Sample: "store: {mode: single, key_prefix: 's:'}"},
	}}
}

func TestExtension(t *testing.T) {
	file := write(t, "in a file\n")
	options := withDatabase(t, `
http: a:1
database:
  idle: ${IDLE}
  password: `+secret+`
  replicas: [{password: `+secret+`}, {ca_file: `+file+`, mode: fast}]
  shards: {a-b: {password: '${PASSWORD}', ca_file: `+file+`}}
  script_file: [`+file+`]
`, "IDLE=2m", "PASSWORD="+secret, "VENTA_DATABASE_POOL_BYTES=1Mi", "VENTA_STORE_DB=3", "VENTA_DATABASE_PRIMARY_MODE=MODE_FAST")
	options.Flags = []config.Setting{{From: "--database", Field: "database.url", Value: "file:flag.db"}}
	loaded := load(t, options)
	m := loaded.Extension("database").ProtoReflect()
	get := func(name protoreflect.Name) protoreflect.Value { return m.Get(m.Descriptor().Fields().ByName(name)) }
	got := []any{
		get("url").String(), get("pool_bytes").Int(), get("password").String(), get("replicas").List().Len(),
		loaded.Extension("store").(*configv1.Redis).GetDb(), loaded.Extension("ghost") == nil,
		loaded.Secret("database.password").Reveal(), loaded.Secret("database.replicas[0].password").Reveal(), loaded.Secret("database.shards.a-b.password").Reveal(),
		loaded.File("database.replicas[1].ca_file").Content.Reveal(), loaded.File("database.shards.a-b.ca_file").Path, loaded.File("database.script_file[0]").Path,
		loaded.Source("database.replicas[1].mode").Line, loaded.Source("database.pool_bytes").String(), loaded.Source("database.url").String(),
	}
	want := []any{
		"file:flag.db", int64(1 << 20), "[redacted]", 2, int32(3), true, secret, secret, secret,
		"in a file\n", file, file, 6, "VENTA_DATABASE_POOL_BYTES", "--database",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	noSecret(t, printed(t, loaded))
	if !strings.Contains(loaded.String(), "file:flag.db") {
		t.Errorf("the block is not printed: %s", loaded)
	}
}

func TestFaultsOfExtensions(t *testing.T) {
	_, err := config.Load(withDatabase(t, `
databse: {}
database:
  url: a text that is longer than thirty characters
  passwort: `+secret+`
  idle: 5
  replicas: [{ca_file: /nowhere}]
  shards: {a.b: {}}
store: {key_prefix: "{a}"}
`, "VENTA_DATABASE_URI=x"))
	want := []string{
		`:2:1: unknown field "databse"; did you mean database?`,
		`:4:8: database.url: must be at most 30 characters, not "a text that is longer than thirty characters"`,
		`:5:3: database: unknown field "passwort"; did you mean password?`,
		`:6:9: database.idle: must be a duration such as "250ms", "5s" or "1h30m", not "5"`,
		`:7:24: database.replicas[0].ca_file: cannot be read: no such file or directory (/nowhere)`,
		`:8:12: database.shards: a name has 1 to 64 letters, digits, _ and -`,
		"VENTA_DATABASE_URI: no field belongs to this variable; did you mean VENTA_DATABASE_URL?",
	}
	lines := strings.Split(err.Error(), "\n")
	var got []string
	for _, line := range lines {
		if at := strings.Index(line, "venta.yaml"); at >= 0 {
			line = line[at+len("venta.yaml"):]
		}
		if !strings.Contains(line, "store.key_prefix") {
			got = append(got, line)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(lines) != len(got)+1 {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestExtensionsAreCheckedByTheProgram: once the form is right, with secrets and files.
func TestExtensionsAreCheckedByTheProgram(t *testing.T) {
	file := write(t, secret+"\n")
	options := withDatabase(t, "database: {url: 'shop:x'}\nstore: {password_file: "+file+"}")
	called := 0
	options.Extensions[0].Check = func(l *config.Loaded) []config.Fault {
		called++
		return []config.Fault{l.Fault("database.url", "is no URL; write file:PATH")}
	}
	options.Extensions[1].Check = func(l *config.Loaded) []config.Fault {
		if got := l.SecretOrFile("store.password").Reveal(); got != secret {
			t.Errorf("the file holds %q", got)
		}
		return nil
	}
	_, err := config.Load(options)
	if err == nil || !strings.HasSuffix(err.Error(), "venta.yaml:1:17: database.url: is no URL; write file:PATH") {
		t.Error(err)
	}
	options.NoFiles = true
	load(t, options)
	options.NoFiles, options.Environ = false, []string{"VENTA_DATABASE_IDLE=x"}
	if _, err = config.Load(options); err == nil || called != 1 {
		t.Errorf("called %d times, also without files or with faults: %v", called, err)
	}
}

func TestExtensionsThatCannotBe(t *testing.T) {
	_, err := config.Load(config.Options{Extensions: []config.Extension{{Name: "wrong", Message: messageFrom(t, "Wrong")}}})
	for _, want := range []string{
		"message shop.Wrong holds itself",
		"field shop.Wrong.numbered: a map can only be from strings to messages",
		"field shop.Wrong.secrets: a secret (debug_redact) is one string",
		"field shop.Wrong.blob: kind bytes cannot be configured",
		"field shop.Wrong.key_file: a field whose name ends in _file is a string, the path of a file",
		"message google.protobuf.Timestamp cannot be configured",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

func TestSampleAndSchemaOfExtensions(t *testing.T) {
	options := withDatabase(t, "")
	sample, err := config.Sample(options)
	must(t, err)
	if !strings.Contains(sample, "\n\n"+databaseSample+"\nstore: {") {
		t.Errorf("the sample ends with %s", sample[len(sample)-200:])
	}
	written := options
	written.File = write(t, sample)
	if changed := config.Changed(load(t, options), load(t, written)); len(changed) > 0 {
		t.Errorf("the sample changes %v", changed)
	}
	schema, err := config.JSONSchema(options)
	must(t, err)
	for text, want := range map[string]bool{
		sample: true, "database: {replicas: [{mode: fast}], shards: {a: {}}, pool_bytes: 1Mi}": true, "store: {db: 1}": true,
		"database: {replica: []}": false, "database: {replicas: [{mode: slow}]}": false, "database: {url: a text that is longer than thirty characters}": false, "store: {db: -1}": false,
	} {
		validateWith(t, compile(t, schema), text, want)
	}
	if !strings.Contains(schema, `"default": "file:shop.db"`) {
		t.Error("the default of database.url is not shown")
	}
}

func TestFilesAreReadOnce(t *testing.T) {
	file := write(t, "pem")
	loaded := load(t, config.Options{File: write(t, "redis: {tls: {ca_file: "+file+"}}\nhttp_listener: {tls: {cert_file: "+file+", key_file: "+file+"}}")})
	must(t, os.WriteFile(file, []byte("other"), 0o600))
	for _, field := range []string{"redis.tls.ca_file", "http_listener.tls.cert_file", "http_listener.tls.key_file"} {
		if got := loaded.File(field); got.Path != file || got.Content.Reveal() != "pem" {
			t.Errorf("%s: %v", field, got)
		}
	}
	if got := loaded.File("redis.tls.cert_file"); got.Path != "" || got.Content.Reveal() != "" {
		t.Errorf("a file that is not named: %v", got)
	}
}

func TestNoFiles(t *testing.T) {
	text := `
redis: {password_file: /nowhere}
upstreams: {default: {connection: {tls: {ca_file: /nowhere}}}, orders: {target: a:1}, users: {connection: {tls: {disabled: true}}}}
`
	path := write(t, text)
	o := config.Options{File: path, Upstreams: map[string]string{"orders": "", "users": "a:1"}, NoFiles: true}
	loaded := load(t, o)
	var got []string
	for _, fault := range loaded.Unread() {
		got = append(got, strings.ReplaceAll(fault.Error(), path, ""))
	}
	want := []string{":2:24: redis.password_file: the file was not read", ":3:51: upstreams.orders.connection.tls.ca_file: the file was not read"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if loaded.RedisPassword().Reveal() != "" {
		t.Error("a file was read")
	}
	o.NoFiles = false
	if _, err := config.Load(o); err == nil {
		t.Error("without NoFiles they are read")
	}
}

// TestFaultsOfFilesHoldNoContents: who mistakes the field writes the secret there.
func TestFaultsOfFilesHoldNoContents(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "empty"), nil, 0o600))
	for _, text := range []string{
		"auth: {issuer: i, jwks_file: '{\"k\":\"" + secret + "\"}'}",
		"auth: {api_keys_file: " + secret + "}",
		"http_listener: {tls: {cert_file: a, key_file: \"-----BEGIN PRIVATE KEY-----\\n" + secret + "\"}}",
		"auth: {api_keys_file: '${KEY}'}",
	} {
		_, err := config.Load(config.Options{File: write(t, text), Environ: []string{"KEY=/" + secret}})
		if err == nil {
			t.Errorf("no fault in %s", text)
			continue
		}
		noSecret(t, printed(t, err))
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "empty"): "cannot be read: the file is empty (" + filepath.Join(dir, "empty") + ")",
		dir:                         "cannot be read: is a directory (" + dir + ")",
		"/dev/null":                 "cannot be read: it is no regular file (/dev/null)",
	} {
		_, err := config.Load(config.Options{Environ: []string{"VENTA_AUTH_API_KEYS_FILE=" + path}})
		if err == nil || err.Error() != "VENTA_AUTH_API_KEYS_FILE: auth.api_keys_file: "+want {
			t.Errorf("%s: %v", path, err)
		}
	}
}
