package schemas_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/venta-hq/venta/internal/schemas"
)

// all returns the files, and a schema that imports each of them.
func all(t *testing.T) (files []schemas.File, importer string) {
	t.Helper()
	files, err := schemas.All()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("syntax = \"proto3\";\npackage importer.v1;\n")
	for _, f := range files {
		fmt.Fprintf(&b, "import %q;\n", f.Path)
	}
	b.WriteString("message Nothing {}\n")
	return files, b.String()
}

// written writes the files to third_party, the importer to proto, and returns
// the folder of both.
func written(t *testing.T) string {
	t.Helper()
	files, importer := all(t)
	dir := t.TempDir()
	if _, err := schemas.Write(filepath.Join(dir, "third_party"), files, false); err != nil {
		t.Fatal(err)
	}
	own := []schemas.File{
		{Path: "proto/importer/v1/importer.proto", Text: []byte(importer)},
		{Path: "buf.yaml", Text: []byte("version: v2\nmodules: [{path: proto}, {path: third_party}]\n")},
	}
	if _, err := schemas.Write(dir, own, false); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAllHoldsWhatAuthorsImport(t *testing.T) {
	files, _ := all(t)
	have := map[string]bool{}
	for i, f := range files {
		have[f.Path] = true
		if i > 0 && files[i-1].Path >= f.Path {
			t.Errorf("%s is not in order", f.Path)
		}
		if strings.HasPrefix(f.Path, "google/protobuf/") {
			t.Errorf("%s is the compiler's", f.Path)
		}
	}
	for _, path := range []string{
		"venta/policy/v1/annotations.proto", "venta/policy/v1/policy.proto", "buf/validate/validate.proto",
		"google/api/annotations.proto", "google/api/http.proto", "google/api/httpbody.proto", "google/api/field_behavior.proto",
		"google/api/resource.proto", "google/api/client.proto", "google/api/visibility.proto", "google/api/launch_stage.proto",
		"google/rpc/status.proto", "google/rpc/code.proto", "google/rpc/error_details.proto",
		"google/type/money.proto", "google/type/latlng.proto", "google/longrunning/operations.proto",
	} {
		if !have[path] {
			t.Errorf("%s is missing", path)
		}
	}
}

func TestOwnSchemasKeepTheirComments(t *testing.T) {
	files, err := schemas.Own()
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		source, err := os.ReadFile(filepath.Join("../../proto", f.Path))
		if err != nil {
			t.Fatal(err)
		}
		if string(source) != string(f.Text) {
			t.Errorf("%s is not the source", f.Path)
		}
	}
}

// What is printed, compiled, is what was linked.
func TestPrintedSchemasEqualTheLinkedOnes(t *testing.T) {
	files, err := schemas.ThirdParty()
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string]string{}
	names := make([]string, len(files))
	for i, f := range files {
		sources[f.Path], names[i] = string(f.Text), f.Path
	}
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(
		&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(sources)})}
	compiled, err := compiler.Compile(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range compiled {
		linked, err := protoregistry.GlobalFiles.FindFileByPath(file.Path())
		if err != nil {
			t.Fatal(err)
		}
		want := overTheWire(t, protodesc.ToFileDescriptorProto(linked))
		got := overTheWire(t, file.(linker.Result).FileDescriptorProto())
		if diff := cmp.Diff(want, got, protocmp.Transform(), protocmp.IgnoreEmptyMessages(), unordered); diff != "" {
			t.Errorf("%s (-linked +printed)\n%s", file.Path(), diff)
		}
	}
}

// The printer sorts what has no order, and leaves out options without content.
var unordered = cmp.Options{
	protocmp.SortRepeatedFields(&descriptorpb.FileDescriptorProto{}, "dependency", "message_type", "enum_type", "extension", "service"),
	protocmp.SortRepeatedFields(&descriptorpb.EnumDescriptorProto{}, "value", "reserved_range", "reserved_name"),
	protocmp.SortRepeatedFields(&descriptorpb.ServiceDescriptorProto{}, "method"),
	protocmp.SortRepeatedFields(&descriptorpb.DescriptorProto{}, "field", "nested_type", "enum_type", "extension", "extension_range", "reserved_range", "reserved_name"),
}

func overTheWire(t *testing.T, file *descriptorpb.FileDescriptorProto) *descriptorpb.FileDescriptorProto {
	t.Helper()
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	received := &descriptorpb.FileDescriptorProto{}
	if err := proto.Unmarshal(encoded, received); err != nil {
		t.Fatal(err)
	}
	return received
}

func TestProtocReadsThem(t *testing.T) {
	protoc, err := exec.LookPath("protoc")
	if err != nil {
		t.Fatal("protoc is not installed; on Debian: protobuf-compiler and libprotobuf-dev")
	}
	command := exec.Command(protoc, "-I", "proto", "-I", "third_party", "-o", os.DevNull, "importer/v1/importer.proto")
	command.Dir = written(t)
	fine(t, command)
}

func TestBufReadsThem(t *testing.T) {
	buf, err := filepath.Abs("../../bin/buf")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(buf); err != nil {
		t.Fatal("bin/buf is not built: make bin/buf")
	}
	command := exec.Command(buf, "build", "-o", os.DevNull)
	command.Dir = written(t)
	fine(t, command)
}

// fine runs a command that must have nothing to complain about but imports that
// are not used.
func fine(t *testing.T, command *exec.Cmd) {
	t.Helper()
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "is unused") {
			t.Error(line)
		}
	}
}

var headerLine = regexp.MustCompile(`^// Printed from the descriptor in the Go module\n// \S+ \S*,\n// which its authors license under Apache-2.0\.`)

func TestPrintedSchemasSayWhereTheyAreFrom(t *testing.T) {
	files, err := schemas.ThirdParty()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !headerLine.Match(f.Text) {
			t.Errorf("%s begins with %.120q", f.Path, f.Text)
		}
	}
}

// google/type and google/longrunning are linked into the tools alone.
func TestGatewayAndPluginsDoNotLinkThem(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "github.com/venta-hq/venta/gateway/...", "github.com/venta-hq/venta/plugins/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.Lines(string(out)) {
		if strings.HasPrefix(path, "google.golang.org/genproto/googleapis/type/") || strings.HasPrefix(path, "cloud.google.com/go/longrunning") ||
			strings.HasPrefix(path, "github.com/jhump/protoreflect/") {
			t.Errorf("linked: %s", path)
		}
	}
}
