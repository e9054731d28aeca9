package policy_test

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// TestAnnotated holds where an annotation is looked for, known or unknown to the
// program.
func TestAnnotated(t *testing.T) {
	known := func(m proto.Message, at *descriptorpb.FileDescriptorProto) {
		some := &policyv1.Policy{Timeout: &policyv1.Timeout{}}
		switch m := m.(type) {
		case *descriptorpb.FileOptions:
			proto.SetExtension(m, policyv1.E_File, some)
			at.Options = m
		case *descriptorpb.ServiceOptions:
			proto.SetExtension(m, policyv1.E_Service, some)
			at.Service[0].Options = m
		case *descriptorpb.MethodOptions:
			proto.SetExtension(m, policyv1.E_Method, some)
			at.Service[0].Method[1].Options = m
		}
	}
	foreign := func(number protowire.Number) *descriptorpb.ServiceOptions {
		options := &descriptorpb.ServiceOptions{Deprecated: new(true)}
		unknown := protowire.AppendVarint(protowire.AppendTag(nil, 50001, protowire.VarintType), 1)
		options.ProtoReflect().SetUnknown(protowire.AppendBytes(protowire.AppendTag(unknown, number, protowire.BytesType), nil))
		return options
	}
	tests := map[string]struct {
		change func(file *descriptorpb.FileDescriptorProto)
		want   bool
	}{
		"nowhere":       {func(*descriptorpb.FileDescriptorProto) {}, false},
		"file":          {func(f *descriptorpb.FileDescriptorProto) { known(&descriptorpb.FileOptions{}, f) }, true},
		"service":       {func(f *descriptorpb.FileDescriptorProto) { known(&descriptorpb.ServiceOptions{}, f) }, true},
		"method":        {func(f *descriptorpb.FileDescriptorProto) { known(&descriptorpb.MethodOptions{}, f) }, true},
		"unknown":       {func(f *descriptorpb.FileDescriptorProto) { f.Service[0].Options = foreign(50777) }, true},
		"other options": {func(f *descriptorpb.FileDescriptorProto) { f.Service[0].Options = foreign(50778) }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			file := &descriptorpb.FileDescriptorProto{
				Name: new("x.proto"), Package: new("x"),
				MessageType: []*descriptorpb.DescriptorProto{{Name: new("M")}},
				Service: []*descriptorpb.ServiceDescriptorProto{{Name: new("S"), Method: []*descriptorpb.MethodDescriptorProto{
					{Name: new("A"), InputType: new(".x.M"), OutputType: new(".x.M")},
					{Name: new("B"), InputType: new(".x.M"), OutputType: new(".x.M")},
				}}},
			}
			test.change(file)
			built, err := protodesc.NewFile(file, nil)
			if err != nil {
				t.Fatal(err)
			}
			service := built.Services().Get(0)
			if got := policy.Annotated(service); got != test.want {
				t.Errorf("annotated %v, want %v", got, test.want)
			}
			if got := policy.NewRPC(service.Methods().Get(0), nil).Annotated; got != test.want {
				t.Errorf("the RPC's %v, want %v", got, test.want)
			}
		})
	}
	if policy.Annotated(nil) {
		t.Error("nothing is annotated")
	}
}
