package config_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/google/go-cmp/cmp"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/venta-hq/venta/gateway/config"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

var update = flag.Bool("update", false, "write comments.json anew")

// TestCommentsAreCurrent holds the committed comments to the schema's sources.
// After a change of the .proto files: go test ./gateway/config -run Comments -update.
func TestCommentsAreCurrent(t *testing.T) {
	want, err := json.MarshalIndent(readComments(t), "", "  ")
	must(t, err)
	want = append(want, '\n')
	if *update {
		must(t, os.WriteFile("comments.json", want, 0o600))
		return
	}
	got, err := os.ReadFile("comments.json")
	must(t, err)
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("comments.json is stale: go test ./gateway/config -run Comments -update\n%s", diff)
	}
}

// readComments compiles the schema's sources, for comments are not compiled in.
func readComments(t *testing.T) map[protoreflect.FullName]string {
	t.Helper()
	linked := protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
		fd, err := protoregistry.GlobalFiles.FindFileByPath(path)
		return protocompile.SearchResult{Desc: fd}, err
	})
	compiler := protocompile.Compiler{
		Resolver:       protocompile.CompositeResolver{&protocompile.SourceResolver{ImportPaths: []string{"../../proto"}}, linked},
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	comments := map[protoreflect.FullName]string{}
	for _, name := range []string{
		"venta/config/v1/admin.proto", "venta/config/v1/config.proto", "venta/config/v1/connection.proto", "venta/config/v1/events.proto", "venta/config/v1/health.proto", "venta/config/v1/overrides.proto",
		"venta/config/v1/identity.proto", "venta/config/v1/redis.proto", "venta/policy/v1/policy.proto",
	} {
		compiled, err := compiler.Compile(context.Background(), name)
		must(t, err)
		collectComments(compiled[0], compiled[0].Messages(), comments)
	}
	return comments
}

func collectComments(file protoreflect.FileDescriptor, messages protoreflect.MessageDescriptors, into map[protoreflect.FullName]string) {
	comment := func(d protoreflect.Descriptor) {
		text := file.SourceLocations().ByDescriptor(d).LeadingComments
		into[d.FullName()] = strings.Join(strings.Fields(text), " ")
	}
	for i := range messages.Len() {
		md := messages.Get(i)
		comment(md)
		for j := range md.Fields().Len() {
			comment(md.Fields().Get(j))
		}
		collectComments(file, md.Messages(), into)
	}
}

// TestCommentsStateTheDefaults: the schema's comments are what users read.
func TestCommentsStateTheDefaults(t *testing.T) {
	defaults := config.DefaultValues()
	comments := readComments(t)
	everyField((&configv1.Config{}).ProtoReflect().Descriptor(), "", func(_ string, fd protoreflect.FieldDescriptor) {
		comment := comments[fd.FullName()]
		value, has := defaults[fd.FullName()]
		var want string
		switch text, isText := value.(string); {
		case comment == "":
			t.Errorf("%s has no comment", fd.FullName())
		case !has || fd.IsList():
		case fd.Kind() == protoreflect.EnumKind:
			prefix := strings.TrimSuffix(string(fd.Enum().Values().Get(0).Name()), "UNSPECIFIED")
			want = "Default " + prefix + strings.ToUpper(text)
		case isText && text == "":
			want = "" // said in words
		case isText:
			want = fmt.Sprintf("Default %q", text)
		default:
			want = fmt.Sprintf("Default %v", value)
		}
		if !strings.Contains(comment, want) {
			t.Errorf("%s: no %q in: %s", fd.FullName(), want, comment)
		}
	})
}

// everyField calls f with every field of the configuration's own messages.
func everyField(md protoreflect.MessageDescriptor, path string, f func(path string, fd protoreflect.FieldDescriptor)) {
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		at := strings.TrimPrefix(path+"."+string(fd.Name()), ".")
		f(at, fd)
		inner := fd.Message()
		if fd.IsMap() {
			name := map[bool]string{true: "payments", false: "default"}[at == "webhooks.secrets"]
			inner, at = fd.MapValue().Message(), at+"."+name
		}
		if inner != nil && inner.ParentFile().Package() == "venta.config.v1" {
			everyField(inner, at, f)
		}
	}
}

// examples uncomments what the sample shows of fields without a default; a line
// that such a line replaces goes.
func examples(sample string) string {
	example := regexp.MustCompile(`^#( {2,}\S|\S)`)
	key := regexp.MustCompile(`^( *)[a-z_]+:`)
	var lines []string
	for line := range strings.Lines(sample) {
		if example.MatchString(line) {
			line = line[1:]
			name := key.FindString(line)
			for i := len(lines) - 1; i >= 0 && i >= len(lines)-3 && name != ""; i-- {
				if strings.HasPrefix(lines[i], name) {
					lines[i] = "\n"
				}
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "")
}

// reference are the options of a program with two upstreams.
func reference(t *testing.T, text string) config.Options {
	return config.Options{File: write(t, text), Upstreams: map[string]string{"orders": "127.0.0.1:9001", "users": "127.0.0.1:9002"}}
}

func sampleOf(t *testing.T) string {
	t.Helper()
	sample, err := config.Sample(reference(t, ""))
	must(t, err)
	return sample
}

func TestSampleSaysTheDefaults(t *testing.T) {
	as := load(t, reference(t, sampleOf(t)))
	if changed := config.Changed(load(t, reference(t, "")), as); len(changed) > 0 {
		t.Errorf("the sample changes %v", changed)
	}
}

func TestSampleShowsEveryField(t *testing.T) {
	var document map[string]any
	must(t, yaml.Unmarshal([]byte(examples(sampleOf(t))), &document))
	everyField((&configv1.Config{}).ProtoReflect().Descriptor(), "", func(path string, fd protoreflect.FieldDescriptor) {
		if fd.Name() != "disabled" && !contains(document, strings.Split(path, ".")) {
			t.Errorf("%s is not in the sample", path)
		}
	})
}

// contains looks into the first entry of lists.
func contains(in any, path []string) bool {
	if list, ok := in.([]any); ok && len(list) > 0 {
		in = list[0]
	}
	block, _ := in.(map[string]any)
	value, ok := block[path[0]]
	return ok && (len(path) == 1 || contains(value, path[1:]))
}

func TestExamplesOfTheSampleAreRight(t *testing.T) {
	text := examples(sampleOf(t))
	validate(t, text, true)
	options := reference(t, text)
	options.Environ, options.NoFiles = []string{"REDIS_PASSWORD=a", "SENTINEL_PASSWORD=b"}, true
	_, err := config.Load(options)
	var got []string
	for line := range strings.SplitSeq(fmt.Sprint(err), "\n") {
		_, fault, _ := strings.Cut(line, ": ")
		got = append(got, fault)
	}
	// The sample shows what excludes each other.
	want := []string{
		"identity.jwks_file: given beside identity.jwks_url; keep one of the two",
		"webhooks.secrets.payments.values[0].value_file: given beside value; keep one of the two",
		"redis.password_file: given beside redis.password; keep one of the two",
		"redis.sentinel_password_file: given beside redis.sentinel_password; keep one of the two",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSchema(t *testing.T) {
	validate(t, sampleOf(t), true)
	for _, right := range []string{
		"{}", "http: '[::1]:80'", "http: ${HTTP}", "http: ':80'", "allowed_origins: ['https://a.example', 'http://[::1]:80']", "cache: {max_bytes: 64Mi}", "cache: {max_bytes: '${BYTES:-1048576}', remote: '${REMOTE}'}",
		"logging: {level: LEVEL_WARN, format: json}", "shutdown: {delay: 1h30m, stream_grace: 1.5s}",
		"upstreams: {default: {target: a}, orders: {connection: {tls: {}}}}",
		"overrides: [{methods: '**', policy: {rate_limits: [{requests: 1, interval: 1s, key: {client_ip: true}, mode: shadow}], retry: {retryable_status_codes: [unavailable, UNKNOWN]}}}]",
	} {
		validate(t, right, true)
	}
	for _, wrong := range []string{
		"htpp: x", "http: localhost", "http: 8080", "allowed_origins: ['https://a.example/']", "admin: ''", "cache: {max_bytes: 1}", "cache: {max_bytes: 64MB}", "cache: x", "cache:",
		"logging: {level: loud}", "logging: {level: unspecified}", "shutdown: {delay: 5}", "shutdown: {delay: soon}",
		"redis: {db: -1}", "redis: {key_prefix: '{a}'}", "redis: {tls: {ca: x}}", "http_listener: {tls: {cert_file: a}}",
		"trusted_proxies: x", "upstreams: {ghost: {}}", "upstreams: {orders: a}", "telemetry: {sample_ratio: 2}",
		"overrides: [{methods: a.b, policy: {}}]", "overrides: [{methods: '**'}]", "overrides: [{methods: '**', policy: {timeouts: {}}}]",
		"overrides: [{methods: '**', policy: {}, expires: tomorrow}]",
		"overrides: [{methods: '**', policy: {rate_limits: [{key: {global: true, header: x}}]}}]",
	} {
		validate(t, wrong, false)
	}
}

// validate holds a YAML text to the schema of a program with two upstreams.
func validate(t *testing.T, text string, want bool) {
	t.Helper()
	schema, err := compiledSchema()
	must(t, err)
	validateWith(t, schema, text, want)
}

func validateWith(t *testing.T, schema *validator.Schema, text string, want bool) {
	t.Helper()
	var document any
	must(t, yaml.Unmarshal([]byte(text), &document))
	if err := schema.Validate(document); (err == nil) != want {
		t.Errorf("%s\n%v", text, err)
	}
}

var compiledSchema = sync.OnceValues(func() (*validator.Schema, error) {
	text, err := config.JSONSchema(config.Options{Upstreams: map[string]string{"orders": "", "users": ""}})
	if err != nil {
		return nil, err
	}
	return compileSchema(text)
})

func compile(t *testing.T, text string) *validator.Schema {
	t.Helper()
	schema, err := compileSchema(text)
	must(t, err)
	return schema
}

func compileSchema(text string) (*validator.Schema, error) {
	schema, err := validator.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	compiler := validator.NewCompiler()
	if err := compiler.AddResource("venta.json", schema); err != nil {
		return nil, err
	}
	return compiler.Compile("venta.json")
}
