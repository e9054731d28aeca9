package main

import (
	"encoding/json"
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
	overlay := map[string]string{} // from the place in the tree to the file
	arguments := []string{"build"}
	temporary := t.TempDir()
	var packages []string
	cases(t, accepted, func(t *testing.T, dir string) {
		packages = append(packages, "./"+dir)
		// The messages stand where their import path says, which is another folder
		// where the generated code is a package of its own.
		for name, content := range outputs(t, companions(t, compile(t, schemas(t, dir), protocompile.SourceInfoNone))) {
			place, err := filepath.Abs(strings.TrimPrefix(name, here))
			if err != nil {
				t.Fatal(err)
			}
			overlay[place] = filepath.Join(temporary, filepath.Base(dir)+"_"+filepath.Base(name))
			if err := os.WriteFile(overlay[place], []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	})
	encoded, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(temporary, "overlay.json")
	if err := os.WriteFile(file, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	arguments = append(arguments, "-overlay", file)
	output, err := exec.CommandContext(t.Context(), "go", append(arguments, packages...)...).CombinedOutput()
	if err != nil {
		t.Errorf("go build: %v\n%s", err, output)
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
