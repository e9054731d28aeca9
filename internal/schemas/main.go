// Command schemas writes the third-party schemas that Venta's own import as
// .proto files into a folder, so that buf compiles them without a registry.
//
// The schemas are the descriptors that the pinned Go modules carry; what is
// written is thus always what the runtime speaks. Comments are not part of a
// compiled descriptor and are missing.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/jhump/protoreflect/v2/protoprint"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/api/httpbody"
	_ "google.golang.org/genproto/googleapis/rpc/code"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	_ "google.golang.org/genproto/googleapis/rpc/status"
)

// roots are the files that schemas may import; what they import themselves
// follows.
var roots = [...]string{
	"buf/validate/validate.proto",
	"google/api/annotations.proto",
	"google/api/httpbody.proto",
	"google/rpc/code.proto",
	"google/rpc/error_details.proto",
	"google/rpc/status.proto",
}

func main() {
	out := flag.String("out", "third_party", "the `folder` to write to")
	flag.Parse()
	if err := write(*out); err != nil {
		fmt.Fprintln(os.Stderr, "schemas:", err)
		os.Exit(1)
	}
}

func write(out string) error {
	var files []protoreflect.FileDescriptor
	seen := map[string]bool{}
	for _, root := range roots {
		fd, err := protoregistry.GlobalFiles.FindFileByPath(root)
		if err != nil {
			return fmt.Errorf("%s is not compiled in: %w", root, err)
		}
		files = collect(fd, seen, files)
	}
	printer := protoprint.Printer{SortElements: true}
	return printer.PrintProtosToFileSystem(files, out)
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
