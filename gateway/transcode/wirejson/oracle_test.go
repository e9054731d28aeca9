package wirejson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/venta-hq/venta/gateway/transcode/wirejson"
)

// optionSets are the combinations of options that differ from each other.
var optionSets = []wirejson.Options{
	{},
	{EmitUnpopulated: true},
	{EmitDefaultValues: true, UseProtoNames: true},
	{EmitUnpopulated: true, UseEnumNumbers: true},
}

// oracle encodes one message type under every option set, beside protojson.
type oracle struct {
	schema   schema
	typ      protoreflect.MessageType
	encoders []*wirejson.Encoder
}

func newOracle(t testing.TB, s schema, name protoreflect.FullName) *oracle {
	t.Helper()
	md := s.message(t, name)
	o := &oracle{schema: s, typ: dynamicpb.NewMessageType(md)}
	if linked, err := s.FindMessageByName(md.FullName()); err == nil {
		o.typ = linked
	}
	for _, opts := range optionSets {
		opts.Resolver = s
		encoder, err := wirejson.Compile(md, opts)
		if err != nil {
			t.Fatalf("Compile(%s): %v", name, err)
		}
		o.encoders = append(o.encoders, encoder)
	}
	return o
}

// errPanic is the oracle's silence: dynamicpb panics on a map entry that has its
// key a second time with another wire type.
var errPanic = errors.New("dynamicpb panics")

// want is what proto.Unmarshal and protojson.Marshal make of wire.
func (o *oracle) want(wire []byte, opts wirejson.Options) (_ []byte, err error) {
	defer func() {
		if recover() != nil {
			err = errPanic
		}
	}()
	msg := o.typ.New().Interface()
	if err := (proto.UnmarshalOptions{Resolver: o.schema}).Unmarshal(wire, msg); err != nil {
		return nil, fmt.Errorf("unmarshal: %w", err)
	}
	out, err := protojson.MarshalOptions{
		UseProtoNames:     opts.UseProtoNames,
		UseEnumNumbers:    opts.UseEnumNumbers,
		EmitUnpopulated:   opts.EmitUnpopulated,
		EmitDefaultValues: opts.EmitDefaultValues,
		Resolver:          o.schema,
	}.Marshal(msg)
	if err != nil {
		return nil, fmt.Errorf("marshal: %w", err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, out); err != nil {
		return nil, fmt.Errorf("protojson wrote no JSON: %w", err)
	}
	return compact.Bytes(), nil
}

// check compares all option sets on wire and returns the first one's result.
func (o *oracle) check(t testing.TB, wire []byte) (string, error) {
	t.Helper()
	var first string
	var firstErr error
	prefix := []byte("prefix")
	for i, opts := range optionSets {
		want, wantErr := o.want(wire, opts)
		got, err := o.encoders[i].Append(prefix, wire)
		if errors.Is(wantErr, errPanic) {
			continue
		}
		if (err != nil) != (wantErr != nil) {
			t.Fatalf("%s %+v\nwire  %x\nerror %v\nwant  %v", o.typ.Descriptor().FullName(), opts, wire, err, wantErr)
		}
		if want := append([]byte("prefix"), want...); !bytes.Equal(got, want) {
			t.Fatalf("%s %+v\nwire %x\ngot  %s\nwant %s", o.typ.Descriptor().FullName(), opts, wire, got, want)
		}
		if i == 0 {
			first, firstErr = string(got[len(prefix):]), err
		}
	}
	return first, firstErr
}

// text encodes a message given in text format.
func (o *oracle) text(t testing.TB, text string) []byte {
	t.Helper()
	msg := o.typ.New().Interface()
	if err := (prototext.UnmarshalOptions{AllowPartial: true, Resolver: o.schema}).Unmarshal([]byte(text), msg); err != nil {
		t.Fatalf("text of %s: %v", o.typ.Descriptor().FullName(), err)
	}
	wire, err := proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(msg)
	if err != nil {
		t.Fatalf("marshal: %v", err)
	}
	return wire
}

// Builders of single records on the wire.

func varint(num protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.VarintType), v)
}

func fixed32(num protowire.Number, v uint32) []byte {
	return protowire.AppendFixed32(protowire.AppendTag(nil, num, protowire.Fixed32Type), v)
}

func fixed64(num protowire.Number, v uint64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(nil, num, protowire.Fixed64Type), v)
}

func chunk(num protowire.Number, parts ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), bytes.Join(parts, nil))
}

func text(num protowire.Number, s string) []byte { return chunk(num, []byte(s)) }

func group(num protowire.Number, parts ...[]byte) []byte {
	b := append(protowire.AppendTag(nil, num, protowire.StartGroupType), bytes.Join(parts, nil)...)
	return protowire.AppendTag(b, num, protowire.EndGroupType)
}

func wire(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
