// Package schemas holds the .proto files that an author of an API may import,
// so that nobody needs a schema registry.
//
// Venta's own are the text as it was written. Those of others are printed from
// the descriptors that the linked Go modules carry: what is printed is thus what
// the runtime speaks. Comments are not part of a compiled descriptor and are
// missing.
package schemas

import (
	"fmt"
	"io/fs"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/jhump/protoreflect/v2/protoprint"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/venta-hq/venta/proto"
)

// File is one file to write.
type File struct {
	Path string // with slashes, below the folder that is written to
	Text []byte
}

// All returns every schema that an author may import, sorted by path.
func All() ([]File, error) {
	own, err := Own()
	if err != nil {
		return nil, err
	}
	others, err := ThirdParty()
	if err != nil {
		return nil, err
	}
	return sorted(append(own, others...)), nil
}

// Own returns Venta's annotations, sorted by path.
func Own() ([]File, error) {
	var files []File
	err := fs.WalkDir(proto.Policy, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(proto.Policy, path)
		files = append(files, File{Path: path, Text: text})
		return err
	})
	return files, err
}

// ThirdParty returns the schemas of others, sorted by path. What every compiler
// brings (google/protobuf) is not among them.
func ThirdParty() ([]File, error) {
	var found []protoreflect.FileDescriptor
	seen := map[string]bool{}
	for _, root := range roots {
		fd, err := protoregistry.GlobalFiles.FindFileByPath(root)
		if err != nil {
			return nil, fmt.Errorf("%s is not compiled in: %w", root, err)
		}
		found = collect(fd, seen, found)
	}
	versions := linkedVersions()
	printer := protoprint.Printer{SortElements: true}
	files := make([]File, 0, len(found))
	for _, fd := range found {
		text, err := printer.PrintProtoToString(fd)
		if err != nil {
			return nil, fmt.Errorf("printing %s: %w", fd.Path(), err)
		}
		header, err := header(fd.Path(), versions)
		if err != nil {
			return nil, err
		}
		files = append(files, File{Path: fd.Path(), Text: []byte(header + text)})
	}
	return sorted(files), nil
}

// collect appends fd and all it imports, leaving out what every compiler brings.
func collect(fd protoreflect.FileDescriptor, seen map[string]bool, files []protoreflect.FileDescriptor) []protoreflect.FileDescriptor {
	if seen[fd.Path()] || fd.Package() == "google.protobuf" {
		return files
	}
	seen[fd.Path()] = true
	for i := range fd.Imports().Len() {
		files = collect(fd.Imports().Get(i).FileDescriptor, seen, files)
	}
	return append(files, fd)
}

// header says where a printed schema is from.
func header(path string, versions map[string]string) (string, error) {
	for _, o := range origins {
		if !strings.HasPrefix(path, o.folder) {
			continue
		}
		return fmt.Sprintf("// Printed from the descriptor in the Go module\n// %s %s,\n// which its authors license under %s. A descriptor has no comments.\n\n",
			o.module, versions[o.module], o.license), nil
	}
	return "", fmt.Errorf("%s: no module is known to hold it", path)
}

// linkedVersions returns the versions of the modules in this program. A program
// without build information (a test) has none.
func linkedVersions() map[string]string {
	versions := map[string]string{}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return versions
	}
	for _, module := range info.Deps {
		if module.Replace != nil {
			module = &debug.Module{Path: module.Path, Version: module.Replace.Version}
		}
		versions[module.Path] = module.Version
	}
	return versions
}

func sorted(files []File) []File {
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return files
}
