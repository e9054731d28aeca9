package wirejson_test

import (
	"context"
	"errors"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	_ "google.golang.org/protobuf/types/known/anypb"
	_ "google.golang.org/protobuf/types/known/durationpb"
	_ "google.golang.org/protobuf/types/known/emptypb"
	_ "google.golang.org/protobuf/types/known/fieldmaskpb"
	_ "google.golang.org/protobuf/types/known/structpb"
	_ "google.golang.org/protobuf/types/known/timestamppb"
	_ "google.golang.org/protobuf/types/known/wrapperspb"
)

// schema is the test schema, compiled from testdata, over the linked types.
type schema struct {
	files *protoregistry.Files
	local *dynamicpb.Types
}

func loadSchema(t testing.TB) schema {
	t.Helper()
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{"testdata"}}),
	}
	compiled, err := compiler.Compile(context.Background(), "proto2.proto", "proto3.proto", "editions.proto")
	if err != nil {
		t.Fatalf("compile testdata: %v", err)
	}
	files := new(protoregistry.Files)
	for _, file := range compiled {
		// Built anew over the linked well-known types, and with protobuf-go's own
		// descriptors, which know the UTF-8 feature.
		fd, err := protodesc.NewFile(protoutil.ProtoFromFileDescriptor(file), protoregistry.GlobalFiles)
		if err != nil {
			t.Fatalf("link %s: %v", file.Path(), err)
		}
		if err := files.RegisterFile(fd); err != nil {
			t.Fatalf("register %s: %v", file.Path(), err)
		}
	}
	return schema{files: files, local: dynamicpb.NewTypes(files)}
}

// message returns the descriptor of a message of the test schema or, given a
// full name, of a linked one.
func (s schema) message(t testing.TB, name protoreflect.FullName) protoreflect.MessageDescriptor {
	t.Helper()
	if d, err := s.files.FindDescriptorByName("wirejson.test." + name); err == nil {
		return d.(protoreflect.MessageDescriptor)
	}
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err != nil {
		t.Fatalf("no message %s: %v", name, err)
	}
	return d.(protoreflect.MessageDescriptor)
}

// A schema resolves its own types and the linked ones.

func (s schema) FindMessageByName(name protoreflect.FullName) (protoreflect.MessageType, error) {
	t, err := s.local.FindMessageByName(name)
	if errors.Is(err, protoregistry.NotFound) {
		return protoregistry.GlobalTypes.FindMessageByName(name)
	}
	return t, err
}

func (s schema) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	t, err := s.local.FindMessageByURL(url)
	if errors.Is(err, protoregistry.NotFound) {
		return protoregistry.GlobalTypes.FindMessageByURL(url)
	}
	return t, err
}

func (s schema) FindExtensionByName(name protoreflect.FullName) (protoreflect.ExtensionType, error) {
	return s.local.FindExtensionByName(name)
}

func (s schema) FindExtensionByNumber(message protoreflect.FullName, number protoreflect.FieldNumber) (protoreflect.ExtensionType, error) {
	return s.local.FindExtensionByNumber(message, number)
}
