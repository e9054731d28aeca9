package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/cmd/protoc-gen-go/internal_gengo"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/pluginpb"
)

// TestAcceptedCompiles builds the committed files of every accepted case,
// together with the messages of protoc-gen-go and the declarations that
// protoc-gen-go-grpc would add.
func TestAcceptedCompiles(t *testing.T) {
	b := newBuild(t)
	cases(t, accepted, func(t *testing.T, dir string) {
		b.packages = append(b.packages, "./"+dir)
		// The messages stand where their import path says, which is another folder
		// where the generated code is a package of its own.
		b.add(outputs(t, companions(t, compile(t, schemas(t, dir), protocompile.SourceInfoNone))))
	})
	b.run()
}

// TestOlderCodeCompiles builds what an older plugin has written for an accepted
// case: an update of the gateway does not require generation.
func TestOlderCodeCompiles(t *testing.T) {
	const dir = "internal/testdata/accepted/inherit"
	b := newBuild(t)
	b.packages = []string{"./" + dir}
	b.add(outputs(t, companions(t, compile(t, schemas(t, dir), protocompile.SourceInfoNone))))
	for name, content := range committed(t, "internal/testdata/older/v1", "*.pb.gw.go") {
		b.add(map[string]string{here + dir + "/" + name: content})
	}
	b.run()
}

// TestPublicSchemas generates and builds schemas in the style of large public
// APIs: long resource names, many bindings, messages of other packages, and a
// service with a thousand routes.
func TestPublicSchemas(t *testing.T) {
	files := schemas(t, "internal/testdata/public")
	files["compute.proto"] = compute(40)
	request := compile(t, files, protocompile.SourceInfoNone)
	request.Parameter = new("allow_delete_body=true,generate_unbound_methods=true")
	b := newBuild(t)
	generated := outputs(t, generate(request, io.Discard))
	b.add(generated)
	for name := range generated {
		b.packages = append(b.packages, "./"+filepath.Dir(strings.TrimPrefix(name, here)))
	}
	b.add(outputs(t, companions(t, request)))
	b.run()
	if routes := strings.Count(generated[here+"internal/testdata/public/compute/compute.pb.gw.go"], "{Verb: "); routes < 1000 {
		t.Errorf("only %d routes", routes)
	}
}

// compute is the schema of an API with many resources, each with the standard
// methods under three parents.
func compute(resources int) string {
	var text strings.Builder
	fmt.Fprintf(&text, "syntax = \"proto3\";\npackage public.compute.v1;\nimport \"google/api/annotations.proto\";\n"+
		"import \"google/protobuf/field_mask.proto\";\noption go_package = \"%sinternal/testdata/public/compute;compute\";\n"+
		"message Resource {\n  string name = 1;\n  Resource parent = 2;\n}\n"+
		"message Request {\n  string name = 1;\n  string parent = 2;\n  Resource resource = 3;\n  google.protobuf.FieldMask update_mask = 4;\n}\n", here)
	for i := range resources {
		fmt.Fprintf(&text, "service Resource%dService {\n", i)
		for _, method := range []struct{ name, verb, path, body string }{
			{"Get", "get", "{name=PARENT/resourceN/*}", ""},
			{"List", "get", "{parent=PARENT}/resourceN", ""},
			{"Create", "post", "{parent=PARENT}/resourceN", "resource"},
			{"Update", "patch", "{resource.name=PARENT/resourceN/*}", "resource"},
			{"Delete", "delete", "{name=PARENT/resourceN/*}", ""},
			{"Purge", "delete", "{parent=PARENT}/resourceN", "resource"},
			{"Start", "post", "{name=PARENT/resourceN/*}:start", "*"},
			{"Log", "get", "{name=PARENT/resourceN/*}/logs/{parent=**}", ""},
			{"Test", "post", "{name=PARENT/resourceN/*/**}:testPermissions", "*"},
		} {
			fmt.Fprintf(&text, "  rpc %s(Request) returns (Resource) {\n    option (google.api.http) = {%s\n", method.name, binding(method.verb, method.path, method.body, "projects/*/zones/*", i))
			for _, parent := range []string{"folders/*/zones/*", "organizations/*/zones/*"} {
				fmt.Fprintf(&text, "      additional_bindings {%s}\n", binding(method.verb, method.path, method.body, parent, i))
			}
			text.WriteString("    };\n  }\n")
		}
		text.WriteString("}\n")
	}
	return text.String()
}

func binding(verb, path, body, parent string, resource int) string {
	path = strings.NewReplacer("PARENT", parent, "resourceN", fmt.Sprintf("resource%d", resource)).Replace(path)
	rule := fmt.Sprintf("%s: \"/compute/v1/%s\"", verb, path)
	if body != "" {
		rule += fmt.Sprintf(" body: %q", body)
	}
	return rule
}

// build builds packages of generated files that are not in the tree.
type build struct {
	t        *testing.T
	folder   string
	overlay  map[string]string // from the place in the tree to the file
	packages []string
}

func newBuild(t *testing.T) *build {
	return &build{t: t, folder: t.TempDir(), overlay: map[string]string{}}
}

// add puts files into the tree, named by import path.
func (b *build) add(files map[string]string) {
	b.t.Helper()
	for name, content := range files {
		place, err := filepath.Abs(strings.TrimPrefix(name, here))
		if err != nil {
			b.t.Fatal(err)
		}
		b.overlay[place] = filepath.Join(b.folder, fmt.Sprintf("%d_%s", len(b.overlay), filepath.Base(name)))
		if err := os.WriteFile(b.overlay[place], []byte(content), 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *build) run() {
	b.t.Helper()
	encoded, err := json.Marshal(map[string]any{"Replace": b.overlay})
	if err != nil {
		b.t.Fatal(err)
	}
	file := filepath.Join(b.folder, "overlay.json")
	if err := os.WriteFile(file, encoded, 0o600); err != nil {
		b.t.Fatal(err)
	}
	output, err := exec.CommandContext(b.t.Context(), "go", append([]string{"build", "-overlay", file}, b.packages...)...).CombinedOutput()
	if err != nil {
		b.t.Errorf("go build: %v\n%s", err, output)
	}
}

// here is the import path of this folder.
const here = "github.com/venta-hq/venta/plugins/protoc-gen-venta-gateway/"

// companions generates what stands beside the plugin's own files, named by
// import path.
func companions(t *testing.T, request *pluginpb.CodeGeneratorRequest) *pluginpb.CodeGeneratorResponse {
	t.Helper()
	request.Parameter = nil
	plugin, err := protogen.Options{}.New(request)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range plugin.Files {
		if !file.Generate {
			continue
		}
		internal_gengo.GenerateFile(plugin, file)
		g := plugin.NewGeneratedFile(file.GeneratedFilenamePrefix+"_grpc.pb.go", file.GoImportPath)
		g.P("package ", file.GoPackageName)
		for _, service := range file.Services {
			grpcDeclarations(g, service)
		}
	}
	return plugin.Response()
}

// grpcDeclarations writes the part of protoc-gen-go-grpc's output that the
// plugin's output refers to.
func grpcDeclarations(g *protogen.GeneratedFile, service *protogen.Service) {
	const grpc = protogen.GoImportPath("google.golang.org/grpc")
	ctx := protogen.GoIdent{GoName: "Context", GoImportPath: "context"}
	for _, side := range []string{"Client", "Server"} {
		g.P("type ", service.GoName, side, " interface {")
		for _, method := range service.Methods {
			if side == "Client" {
				g.P(method.GoName, "(", ctx, requestOf(g, method), ", ...", grpc.Ident("CallOption"), ") (", responseOf(g, method), ", error)")
			}
		}
		g.P("}")
	}
	g.P("var ", service.GoName, "_ServiceDesc ", grpc.Ident("ServiceDesc"))
}

// requestOf and responseOf return the Go types of a client's method.
func requestOf(g *protogen.GeneratedFile, m *protogen.Method) string {
	if m.Desc.IsStreamingClient() {
		return ""
	}
	return ", *" + g.QualifiedGoIdent(m.Input.GoIdent)
}

func responseOf(g *protogen.GeneratedFile, m *protogen.Method) string {
	grpc := func(name string, types ...protogen.GoIdent) string {
		var names []string
		for _, t := range types {
			names = append(names, g.QualifiedGoIdent(t))
		}
		stream := g.QualifiedGoIdent(protogen.GoIdent{GoName: name, GoImportPath: "google.golang.org/grpc"})
		return stream + "[" + strings.Join(names, ", ") + "]"
	}
	in, out := m.Input.GoIdent, m.Output.GoIdent
	switch client, server := m.Desc.IsStreamingClient(), m.Desc.IsStreamingServer(); {
	case client && server:
		return grpc("BidiStreamingClient", in, out)
	case client:
		return grpc("ClientStreamingClient", in, out)
	case server:
		return grpc("ServerStreamingClient", out)
	default:
		return "*" + g.QualifiedGoIdent(out)
	}
}
