package generate

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/pluginpb"
)

// compile returns what a compiler requests of a plugin, without the plugin's options.
// Like buf, it names no version of protoc.
func compile(ctx context.Context, dir string, w *workspace, t *template) (*pluginpb.CodeGeneratorRequest, error) {
	roots := make([]string, len(w.Modules))
	for i, m := range w.Modules {
		roots[i] = filepath.Join(dir, m.Path)
	}
	names, err := inputs(dir, roots, t.Inputs)
	if err != nil {
		return nil, err
	}
	compiler := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: roots}),
		SourceInfoMode: protocompile.SourceInfoExtraOptionLocations, // plugins report where a value stands
	}
	compiled, err := compiler.Compile(ctx, names...)
	if err != nil {
		return nil, err
	}
	request := &pluginpb.CodeGeneratorRequest{FileToGenerate: names}
	seen := map[string]bool{}
	for _, file := range compiled {
		addWithImports(request, file, seen)
	}
	return request, nil
}

// inputs returns the names, below their root, of the schemas to generate for.
func inputs(dir string, roots []string, folders []input) ([]string, error) {
	var names []string
	for _, folder := range folders {
		top := filepath.Join(dir, folder.Directory)
		before := len(names)
		err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".proto" {
				return err
			}
			name, err := nameIn(roots, path)
			names = append(names, name)
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(names) == before {
			return nil, fmt.Errorf("no .proto file in %s", top)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// nameIn returns how a file is imported.
func nameIn(roots []string, path string) (string, error) {
	for _, root := range roots {
		name, err := filepath.Rel(root, path)
		if err == nil && filepath.IsLocal(name) {
			return filepath.ToSlash(name), nil
		}
	}
	return "", fmt.Errorf("%s is in none of buf.yaml's modules: %s", path, strings.Join(roots, ", "))
}

// addWithImports appends a file behind all that it imports.
func addWithImports(request *pluginpb.CodeGeneratorRequest, file protoreflect.FileDescriptor, seen map[string]bool) {
	if seen[file.Path()] {
		return
	}
	seen[file.Path()] = true
	for i := range file.Imports().Len() {
		addWithImports(request, file.Imports().Get(i).FileDescriptor, seen)
	}
	if compiled, ok := file.(linker.Result); ok {
		request.ProtoFile = append(request.ProtoFile, compiled.FileDescriptorProto())
		return
	}
	request.ProtoFile = append(request.ProtoFile, protodesc.ToFileDescriptorProto(file))
}
