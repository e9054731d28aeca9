package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

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
		for name, content := range outputs(t, companions(t, request(t, dir))) {
			place, err := filepath.Abs(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			overlay[place] = filepath.Join(temporary, filepath.Base(dir)+"_"+name)
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

// companions generates what stands beside the plugin's own files.
func companions(t *testing.T, request *pluginpb.CodeGeneratorRequest) *pluginpb.CodeGeneratorResponse {
	t.Helper()
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
			switch streams := method.Desc.IsStreamingClient() || method.Desc.IsStreamingServer(); {
			case streams:
			case side == "Client":
				g.P(method.GoName, "(", ctx, ", *", method.Input.GoIdent, ", ...", grpc.Ident("CallOption"), ") (*", method.Output.GoIdent, ", error)")
			default:
				g.P(method.GoName, "(", ctx, ", *", method.Input.GoIdent, ") (*", method.Output.GoIdent, ", error)")
			}
		}
		g.P("}")
	}
	g.P("var ", service.GoName, "_ServiceDesc ", grpc.Ident("ServiceDesc"))
}
