// Package plugintest compiles the schemas of plugins' tests as buf would.
package plugintest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	_ "google.golang.org/genproto/googleapis/api/httpbody"
	_ "google.golang.org/genproto/googleapis/rpc/status"
	_ "google.golang.org/protobuf/types/known/anypb"
	_ "google.golang.org/protobuf/types/known/durationpb"
	_ "google.golang.org/protobuf/types/known/emptypb"
	_ "google.golang.org/protobuf/types/known/fieldmaskpb"
	_ "google.golang.org/protobuf/types/known/structpb"
	_ "google.golang.org/protobuf/types/known/timestamppb"
	_ "google.golang.org/protobuf/types/known/wrapperspb"
)

// Request compiles the schemas of a directory into what buf would send to the
// plugin, with the positions inside option values, and the options of its
// options.txt, if any.
func Request(t *testing.T, dir string) *pluginpb.CodeGeneratorRequest {
	t.Helper()
	built := Compile(t, Schemas(t, dir), protocompile.SourceInfoExtraOptionLocations)
	if options, err := os.ReadFile(filepath.Join(dir, "options.txt")); err == nil {
		*built.Parameter += "," + strings.TrimSpace(string(options))
	}
	return built
}

// Schemas reads the schemas of a directory; their names are relative to it.
func Schemas(t *testing.T, dir string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.proto"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no schema in %s: %v", dir, err)
	}
	files := map[string]string{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = string(content)
	}
	return files
}

// Compile compiles schemas, given by name. What they import is linked in.
func Compile(t *testing.T, files map[string]string, positions protocompile.SourceInfoMode) *pluginpb.CodeGeneratorRequest {
	t.Helper()
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	compiler := protocompile.Compiler{
		SourceInfoMode: positions,
		Resolver: protocompile.CompositeResolver{
			&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(files)},
			protocompile.ResolverFunc(linkedIn),
		},
	}
	compiled, err := compiler.Compile(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	return asRequest(t, compiled, names)
}

func linkedIn(path string) (protocompile.SearchResult, error) {
	file, err := protoregistry.GlobalFiles.FindFileByPath(path)
	return protocompile.SearchResult{Desc: file}, err
}

// asRequest passes the descriptors over the wire, as a compiler does.
func asRequest(t *testing.T, compiled linker.Files, names []string) *pluginpb.CodeGeneratorRequest {
	t.Helper()
	built := &pluginpb.CodeGeneratorRequest{FileToGenerate: names, Parameter: new("paths=source_relative")}
	seen := map[string]bool{}
	for _, file := range compiled {
		addWithImports(built, file, seen)
	}
	encoded, err := proto.Marshal(built)
	if err != nil {
		t.Fatal(err)
	}
	received := &pluginpb.CodeGeneratorRequest{}
	if err := proto.Unmarshal(encoded, received); err != nil {
		t.Fatal(err)
	}
	return received
}

func addWithImports(request *pluginpb.CodeGeneratorRequest, file protoreflect.FileDescriptor, seen map[string]bool) {
	if seen[file.Path()] {
		return
	}
	seen[file.Path()] = true
	for i := range file.Imports().Len() {
		addWithImports(request, file.Imports().Get(i).FileDescriptor, seen)
	}
	request.ProtoFile = append(request.ProtoFile, descriptorOf(file))
}

func descriptorOf(file protoreflect.FileDescriptor) *descriptorpb.FileDescriptorProto {
	if result, ok := file.(linker.Result); ok {
		return result.FileDescriptorProto()
	}
	return protodesc.ToFileDescriptorProto(file)
}

// Outputs returns the generated files by name.
func Outputs(t *testing.T, response *pluginpb.CodeGeneratorResponse) map[string]string {
	t.Helper()
	if response.Error != nil {
		t.Fatalf("refused:\n%s", response.GetError())
	}
	files := map[string]string{}
	for _, file := range response.GetFile() {
		files[file.GetName()] = file.GetContent()
	}
	return files
}

// Lines ends a text with one line break.
func Lines(text string) string { return strings.TrimSuffix(text, "\n") + "\n" }

// Cases runs a test for each directory of a folder.
func Cases(t *testing.T, folder string, test func(t *testing.T, dir string)) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) == 0 {
		t.Fatalf("no cases in %s: %v", folder, err)
	}
	for _, entry := range entries {
		t.Run(entry.Name(), func(t *testing.T) { test(t, filepath.Join(folder, entry.Name())) })
	}
}
