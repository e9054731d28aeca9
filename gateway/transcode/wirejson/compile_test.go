package wirejson_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/venta-hq/venta/gateway/transcode/wirejson"
)

// messageSet is a descriptor as only old generated code has it.
type messageSet struct{ protoreflect.MessageDescriptor }

func (messageSet) IsMessageSet() bool { return true }

// file builds a proto3 file of messages given as field lists.
func file(t *testing.T, pkg string, messages ...*descriptorpb.DescriptorProto) protoreflect.FileDescriptor {
	t.Helper()
	fd, err := protodesc.FileOptions{AllowUnresolvable: true}.New(&descriptorpb.FileDescriptorProto{
		Name: new("built.proto"), Package: new(pkg), Syntax: new("proto3"), MessageType: messages,
	}, new(protoregistry.Files))
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func fieldOf(name string, number int32, typ descriptorpb.FieldDescriptorProto_Type, typeName string) *descriptorpb.FieldDescriptorProto {
	f := &descriptorpb.FieldDescriptorProto{
		Name: new(name), Number: new(number), Type: typ.Enum(),
		Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
	}
	if typeName != "" {
		f.TypeName = new(typeName)
	}
	return f
}

func TestCompileRefuses(t *testing.T) {
	s := loadSchema(t)
	fake := file(t, "google.protobuf", &descriptorpb.DescriptorProto{
		Name:  new("Timestamp"),
		Field: []*descriptorpb.FieldDescriptorProto{fieldOf("seconds", 1, descriptorpb.FieldDescriptorProto_TYPE_STRING, "")},
	})
	unresolved := file(t, "p", &descriptorpb.DescriptorProto{
		Name:  new("M"),
		Field: []*descriptorpb.FieldDescriptorProto{fieldOf("f", 1, descriptorpb.FieldDescriptorProto_TYPE_MESSAGE, ".p.Missing")},
	}, &descriptorpb.DescriptorProto{
		Name:  new("N"),
		Field: []*descriptorpb.FieldDescriptorProto{fieldOf("f", 1, descriptorpb.FieldDescriptorProto_TYPE_ENUM, ".p.Missing")},
	})
	tests := []struct {
		name string
		md   protoreflect.MessageDescriptor
		want string
	}{
		{"nothing", nil, "no message descriptor"},
		{"message set", messageSet{s.message(t, "None")}, "message sets"},
		{"unlike its name", fake.Messages().Get(0), "google.protobuf.Timestamp: not the well-known type"},
		{"unresolved message", unresolved.Messages().Get(0), "p.Missing: unresolved message"},
		{"unresolved enum", unresolved.Messages().Get(1), "p.Missing: unresolved enum"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := wirejson.Compile(test.md, wirejson.Options{}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

// An encoder is shared by all calls of a method.
func TestAppendConcurrently(t *testing.T) {
	s := loadSchema(t)
	o := newOracle(t, s, "Tree")
	messages := [][]byte{
		o.text(t, `name: "a" left { named { key: "k" value { after: 1 } } } children { text: "x" } children {}`),
		o.text(t, `named { key: "b" value { name: "1" } } named { key: "a" value { name: "2" } } number: 3`),
		wire(varint(9, 1), text(1, "late"), chunk(2, text(1, "p")), chunk(2, varint(9, 2))),
		text(1, badUTF8),
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for i := range 200 {
				b := messages[i%len(messages)]
				want, wantErr := o.want(b, optionSets[0])
				got, err := o.encoders[0].Append(nil, b)
				if (err != nil) != (wantErr != nil) || !bytes.Equal(got, want) {
					t.Errorf("got %s, %v, want %s, %v", got, err, want, wantErr)
				}
			}
		})
	}
	group.Wait()
}

// An error leaves dst alone, and the encoder works on.
func TestAppendAfterError(t *testing.T) {
	o := newOracle(t, loadSchema(t), "Tree")
	dst := append(make([]byte, 0, 64), "kept"...)
	bad := wire(text(1, "a"), chunk(2, chunk(4, chunk(2, text(1, badUTF8)))))
	if got, err := o.encoders[0].Append(dst, bad); err == nil || string(got) != "kept" {
		t.Errorf("got %s, %v", got, err)
	}
	if got, err := o.encoders[0].Append(dst, text(1, "a")); err != nil || string(got) != `kept{"name":"a"}` {
		t.Errorf("got %s, %v", got, err)
	}
}

// The common case costs the one allocation of the result, or none.
func TestAppendAllocations(t *testing.T) {
	msg := service(50)
	b, err := proto.Marshal(msg)
	if err != nil {
		t.Fatal(err)
	}
	encoder, err := wirejson.Compile(msg.ProtoReflect().Descriptor(), wirejson.Options{EmitUnpopulated: true})
	if err != nil {
		t.Fatal(err)
	}
	allocations := testing.AllocsPerRun(100, func() {
		if _, err := encoder.Append(nil, b); err != nil {
			t.Error(err)
		}
	})
	if allocations > 3 {
		t.Errorf("%v allocations, want at most 3", allocations)
	}
}
