package policy_test

import (
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const schema = `
syntax = "proto3";
package shop.v2;

service Shop {
  rpc Get(Request) returns (Response) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc Put(Request) returns (Response) { option idempotency_level = IDEMPOTENT; }
  rpc Add(Request) returns (Response);
  rpc Watch(Request) returns (stream Response) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc Sink(stream Request) returns (Response);
  rpc Track(stream Request) returns (Response) { option idempotency_level = NO_SIDE_EFFECTS; }
}

message Request {
  string id = 1;
  Filter filter = 2;
  repeated string labels = 3;
  map<string, string> notes = 4;
  sint64 weight = 5;
  oneof choice { fixed32 count = 6; bytes raw = 7; }
}

message Filter {
  string city = 1;
  Level level = 2;
  Request request = 3;
}

enum Level { LEVEL_UNSPECIFIED = 0; }

message Response {
  string id = 1;
  Empty empty = 2;
}

message Empty {}
`

// methods returns the methods of the schema above, made of generated options as
// in a program.
func methods(t *testing.T) protoreflect.MethodDescriptors {
	t.Helper()
	compiler := protocompile.Compiler{Resolver: &protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{"shop.proto": schema}),
	}}
	files, err := compiler.Compile(t.Context(), "shop.proto")
	if err != nil {
		t.Fatal(err)
	}
	descriptor := proto.CloneOf(protodesc.ToFileDescriptorProto(files[0]))
	file, err := protodesc.NewFile(descriptor, nil)
	if err != nil {
		t.Fatal(err)
	}
	return file.Services().ByName("Shop").Methods()
}

func request(t *testing.T) protoreflect.MessageDescriptor {
	t.Helper()
	return methods(t).ByName("Get").Input()
}
