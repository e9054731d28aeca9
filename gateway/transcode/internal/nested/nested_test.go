package nested_test

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/typepb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/venta-hq/venta/gateway/transcode/internal/nested"
)

func pack(t *testing.T, m proto.Message) *anypb.Any {
	t.Helper()
	packed, err := anypb.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

func levels(t *testing.T, m proto.Message, n int) *anypb.Any {
	t.Helper()
	packed := pack(t, m)
	for range n - 1 {
		packed = pack(t, packed)
	}
	return packed
}

// option holds Any in a field that is no Any itself.
func option(held ...*anypb.Any) *typepb.Type {
	m := &typepb.Type{Name: "T"}
	for _, one := range held {
		m.Options = append(m.Options, &typepb.Option{Name: "o", Value: one})
	}
	return m
}

func TestWhatCostsTooMuch(t *testing.T) {
	text := func(size int) proto.Message { return wrapperspb.String(strings.Repeat("x", size)) }
	tests := []struct {
		name string
		m    proto.Message
		want error
	}{
		{"text", text(8 << 20), nil},
		{"Any around much", levels(t, text(8<<20), 1), nil},
		{"Any in Any around much", levels(t, text(8<<20), 4), nil},
		{"deep around much", levels(t, text(1<<20), 40), nested.ErrTooCostly},
		{"deep around little", levels(t, text(1000), 90), nil},
		{"deep around nothing", levels(t, text(0), 2000), nested.ErrTooCostly},
		{"deep in fields", option(option(levels(t, text(1<<20), 40)).GetOptions()[0].GetValue()), nested.ErrTooCostly},
		{"several, each of which is harmless", option(levels(t, text(1<<20), 8), levels(t, text(1<<20), 8), levels(t, text(1<<20), 8)), nil},
		{"several, which together are not", option(levels(t, text(1<<20), 18), levels(t, text(1<<20), 18)), nested.ErrTooCostly},
		{"of an unknown type", &anypb.Any{TypeUrl: "a/no.such.Type", Value: make([]byte, 8<<20)}, nil},
		{"not valid", &anypb.Any{TypeUrl: "a/google.protobuf.Any", Value: make([]byte, 8<<20)}, nil},
	}
	for _, test := range tests {
		wire, err := proto.Marshal(test.m)
		if err != nil {
			t.Fatal(err)
		}
		budget := nested.Of(len(wire), protoregistry.GlobalTypes)
		if err := budget.Wire(test.m.ProtoReflect().Descriptor(), wire); !errors.Is(err, test.want) {
			t.Errorf("%s, on the wire: %v, want %v", test.name, err, test.want)
		}
		if err := nested.Check(test.m, protoregistry.GlobalTypes); !errors.Is(err, test.want) {
			t.Errorf("%s, as a message: %v, want %v", test.name, err, test.want)
		}
	}
}

// Groups within each other are a square, too, to whoever looks for their ends.
func TestGroups(t *testing.T) {
	const number, deep = 9, 9000
	var open, end []byte
	for range deep {
		open = protowire.AppendTag(open, number, protowire.StartGroupType)
		end = protowire.AppendTag(end, number, protowire.EndGroupType)
	}
	wire := append(open, end...)
	budget := nested.Of(len(wire), protoregistry.GlobalTypes)
	if err := budget.Wire((&typepb.Type{}).ProtoReflect().Descriptor(), wire); err != nil {
		t.Errorf("groups that nobody knows: %v", err)
	}
}

func TestPossible(t *testing.T) {
	for m, want := range map[protoreflect.ProtoMessage]bool{
		&structpb.Struct{}: false, &wrapperspb.StringValue{}: false, &anypb.Any{}: true, &typepb.Type{}: true,
	} {
		if got := nested.Possible(m.ProtoReflect().Descriptor()); got != want {
			t.Errorf("%T: %v", m, got)
		}
	}
}
