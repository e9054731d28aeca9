package wirejson_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	distributionpb "google.golang.org/genproto/googleapis/api/distribution"
	"google.golang.org/genproto/googleapis/api/httpbody"
	metricpb "google.golang.org/genproto/googleapis/api/metric"
	monitoredrespb "google.golang.org/genproto/googleapis/api/monitoredres"
	"google.golang.org/genproto/googleapis/api/serviceconfig"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/typepb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/venta-hq/venta/gateway/transcode/wirejson"
)

type descriptor = descriptorpb.DescriptorProto
type fileOptions = descriptorpb.FileOptions

// fieldTests are messages of linked types; value is what XXX_ResponseBody returns.
var fieldTests = []struct {
	name  string
	msg   proto.Message
	field protoreflect.Name
	value func(proto.Message) any
	want  string // without EmitUnpopulated; "" is an error
}{
	{"message", &descriptor{Options: &descriptorpb.MessageOptions{Deprecated: new(true)}}, "options", func(m proto.Message) any { return m.(*descriptor).Options }, `{"deprecated":true}`},
	{"no message", &descriptor{Name: new("n")}, "options", func(m proto.Message) any { return m.(*descriptor).Options }, `{}`},
	{"well-known message", &metricpb.MetricDescriptor_MetricDescriptorMetadata{}, "sample_period", func(m proto.Message) any { return m.(*metricpb.MetricDescriptor_MetricDescriptorMetadata).SamplePeriod }, `"0s"`},
	{"messages", &descriptor{NestedType: []*descriptor{{}, {Name: new("<n>")}}}, "nested_type", func(m proto.Message) any { return m.(*descriptor).NestedType }, `[{},{"name":"<n>"}]`},
	{"no messages", &descriptor{}, "nested_type", func(m proto.Message) any { return m.(*descriptor).NestedType }, `null`},
	{"strings", &descriptor{ReservedName: []string{"a", "<"}}, "reserved_name", func(m proto.Message) any { return m.(*descriptor).ReservedName }, `["a","\u003c"]`},
	{"no strings", &descriptor{}, "reserved_name", func(m proto.Message) any { return m.(*descriptor).ReservedName }, `null`},
	{"optional string", &descriptor{Name: new("n")}, "name", func(m proto.Message) any { return m.(*descriptor).Name }, `"n"`},
	{"no optional string", &descriptor{}, "name", func(m proto.Message) any { return m.(*descriptor).Name }, `null`},
	{"empty optional string", &descriptor{Name: new("")}, "name", func(m proto.Message) any { return m.(*descriptor).Name }, `""`},
	{"optional bool", &fileOptions{Deprecated: new(false)}, "deprecated", func(m proto.Message) any { return m.(*fileOptions).Deprecated }, `false`},
	{"optional enum", &fileOptions{OptimizeFor: descriptorpb.FileOptions_SPEED.Enum()}, "optimize_for", func(m proto.Message) any { return m.(*fileOptions).OptimizeFor }, `"SPEED"`},
	{"no optional enum", &fileOptions{}, "optimize_for", func(m proto.Message) any { return m.(*fileOptions).OptimizeFor }, `null`},
	{"enum", &typepb.Type{Syntax: typepb.Syntax_SYNTAX_PROTO3}, "syntax", func(m proto.Message) any { return m.(*typepb.Type).Syntax }, `"SYNTAX_PROTO3"`},
	{"no enum", &typepb.Type{}, "syntax", func(m proto.Message) any { return m.(*typepb.Type).Syntax }, `"SYNTAX_PROTO2"`},
	{"unknown enum", &typepb.Type{Syntax: 77}, "syntax", func(m proto.Message) any { return m.(*typepb.Type).Syntax }, `"77"`},
	{"enums", &descriptorpb.FieldOptions{Targets: []descriptorpb.FieldOptions_OptionTargetType{1, 2}}, "targets", func(m proto.Message) any { return m.(*descriptorpb.FieldOptions).Targets }, `["TARGET_TYPE_FILE","TARGET_TYPE_EXTENSION_RANGE"]`},
	{"no enums", &descriptorpb.FieldOptions{}, "targets", func(m proto.Message) any { return m.(*descriptorpb.FieldOptions).Targets }, `null`},
	{"int64", &wrapperspb.Int64Value{Value: math.MinInt64}, "value", func(m proto.Message) any { return m.(*wrapperspb.Int64Value).Value }, `-9223372036854775808`},
	{"uint64", &wrapperspb.UInt64Value{Value: math.MaxUint64}, "value", func(m proto.Message) any { return m.(*wrapperspb.UInt64Value).Value }, `18446744073709551615`},
	{"no int32", &wrapperspb.Int32Value{}, "value", func(m proto.Message) any { return m.(*wrapperspb.Int32Value).Value }, `0`},
	{"float", &wrapperspb.FloatValue{Value: 0.1}, "value", func(m proto.Message) any { return m.(*wrapperspb.FloatValue).Value }, `0.1`},
	{"not a number", &wrapperspb.DoubleValue{Value: math.NaN()}, "value", func(m proto.Message) any { return m.(*wrapperspb.DoubleValue).Value }, ""},
	{"bool", &wrapperspb.BoolValue{Value: true}, "value", func(m proto.Message) any { return m.(*wrapperspb.BoolValue).Value }, `true`},
	{"string", &wrapperspb.StringValue{Value: "a\"&"}, "value", func(m proto.Message) any { return m.(*wrapperspb.StringValue).Value }, `"a\"\u0026"`},
	{"bytes", &httpbody.HttpBody{Data: []byte("ab")}, "data", func(m proto.Message) any { return m.(*httpbody.HttpBody).Data }, `"YWI="`},
	{"no bytes", &httpbody.HttpBody{}, "data", func(m proto.Message) any { return m.(*httpbody.HttpBody).Data }, `null`},
	{"empty optional bytes", &descriptorpb.UninterpretedOption{StringValue: []byte{}}, "string_value", func(m proto.Message) any { return m.(*descriptorpb.UninterpretedOption).StringValue }, `""`},
	{"no optional bytes", &descriptorpb.UninterpretedOption{}, "string_value", func(m proto.Message) any { return m.(*descriptorpb.UninterpretedOption).StringValue }, `null`},
	{"numbers", &distributionpb.Distribution{BucketCounts: []int64{1, -1}}, "bucket_counts", func(m proto.Message) any { return m.(*distributionpb.Distribution).BucketCounts }, `[1,-1]`},
	{"not numbers", &distributionpb.Distribution_BucketOptions_Explicit{Bounds: []float64{1, math.Inf(1)}}, "bounds", func(m proto.Message) any { return m.(*distributionpb.Distribution_BucketOptions_Explicit).Bounds }, ""},
	{"map", &monitoredrespb.MonitoredResource{Labels: map[string]string{"b": "1", "a": "<"}}, "labels", func(m proto.Message) any { return m.(*monitoredrespb.MonitoredResource).Labels }, `{"a":"\u003c","b":"1"}`},
	{"no map", &monitoredrespb.MonitoredResource{}, "labels", func(m proto.Message) any { return m.(*monitoredrespb.MonitoredResource).Labels }, `{}`},
	{"map of messages", structValueOf("k", 1.5), "fields", func(m proto.Message) any { return m.(*structpb.Struct).Fields }, `{"k":1.5}`},
	{"map of messages that fail", structValueOf("k", math.NaN()), "fields", func(m proto.Message) any { return m.(*structpb.Struct).Fields }, ""},
	{"list in a long message", service(2), "metrics", func(m proto.Message) any { return m.(*serviceconfig.Service).Metrics }, "*"},
}

// TestCompileField compares with what grpc-gateway's marshaler makes of the Go
// field that its generated XXX_ResponseBody returns.
func TestCompileField(t *testing.T) {
	for _, test := range fieldTests {
		for _, unpopulated := range []bool{false, true} {
			t.Run(test.name+suffix(unpopulated), func(t *testing.T) {
				got, err := encodeField(t, test.msg, test.field, unpopulated)
				want, wantErr := gatewayField(t, test.msg, test.value, unpopulated)
				if (err != nil) != (wantErr != nil) || got != want {
					t.Errorf("got %s, %v\ngrpc-gateway gives %s, %v", got, err, want, wantErr)
				}
				if !unpopulated && test.want != "*" && got != test.want {
					t.Errorf("got %s, want %s", got, test.want)
				}
			})
		}
	}
}

func suffix(unpopulated bool) string {
	if unpopulated {
		return ", unpopulated"
	}
	return ""
}

func structValueOf(key string, n float64) *structpb.Struct {
	return &structpb.Struct{Fields: map[string]*structpb.Value{key: structpb.NewNumberValue(n)}}
}

func encodeField(t *testing.T, msg proto.Message, field protoreflect.Name, unpopulated bool) (string, error) {
	fd := msg.ProtoReflect().Descriptor().Fields().ByName(field)
	encoder, err := wirejson.CompileField(fd, wirejson.Options{EmitUnpopulated: unpopulated})
	if err != nil {
		t.Fatal(err)
	}
	wire, err := proto.Marshal(msg)
	if err != nil {
		t.Fatal(err)
	}
	out, err := encoder.Append(nil, wire)
	return string(out), err
}

func gatewayField(t *testing.T, msg proto.Message, value func(proto.Message) any, unpopulated bool) (string, error) {
	wire, err := proto.Marshal(msg)
	if err != nil {
		t.Fatal(err)
	}
	decoded := msg.ProtoReflect().New().Interface()
	if err := proto.Unmarshal(wire, decoded); err != nil {
		t.Fatal(err)
	}
	marshaler := runtime.JSONPb{MarshalOptions: protojson.MarshalOptions{EmitUnpopulated: unpopulated}}
	out, err := marshaler.Marshal(value(decoded))
	if err != nil {
		return "", err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, out); err != nil {
		t.Fatal(err)
	}
	return compact.String(), nil
}

// fieldWireTests are bytes, and the JSON of one of their fields.
var fieldWireTests = []struct {
	name  string
	typ   protoreflect.FullName
	field protoreflect.Name
	wire  []byte
	want  string
}{
	{"last wins", "Tree", "name", wire(text(1, "a"), text(1, "b")), `"b"`},
	{"in pieces", "Tree", "left", wire(chunk(2, text(1, "a")), chunk(2, varint(9, 1))), `{"name":"a","after":1}`},
	{"out of order", "Tree", "left", wire(varint(9, 1), chunk(2, text(1, "a"))), `{"name":"a"}`},
	{"scattered list", "Tree", "children", wire(chunk(3), varint(9, 1), chunk(3, text(1, "a"))), `[{},{"name":"a"}]`},
	{"between others", "Tree", "children", wire(text(1, "n"), chunk(2), chunk(3), chunk(3), chunk(4), varint(9, 1)), `[{},{}]`},
	{"member of a oneof", "Tree", "tree", wire(chunk(7, text(1, "a"))), `{"name":"a"}`},
	{"member of a oneof, cleared", "Tree", "tree", wire(chunk(7, text(1, "a")), varint(5, 1)), `{}`},
	{"member of a oneof, after another", "Tree", "tree", wire(text(6, "x"), chunk(7, text(1, "a"))), `{"name":"a"}`},
	{"scalar of a oneof that is not set", "Tree", "number", text(6, "x"), `null`},
	{"null enum", "Implicit", "null", nil, `"NULL_VALUE"`},
	{"map without value", "Maps", "bytes", chunk(15, text(1, "k")), `{"k":null}`},
	{"map with empty value", "Maps", "bytes", chunk(15, text(1, "k"), text(2, "")), `{"k":""}`},
	{"map of enums", "Maps", "color", wire(chunk(16, text(1, "k"), varint(2, 1)), chunk(16, text(1, "l"), varint(2, 7))), `{"k":"COLOR_RED","l":"7"}`},
	{"integer keys", "Maps", "int64", chunk(5, varint(1, minus1), varint(2, 7)), `{"-1":7}`},
	{"value without kind", "WellKnown", "value", nil, fails},
	{"no any", "WellKnown", "any", nil, `{}`},
	{"group", "Legacy", "single", group(11, varint(1, 1)), `{"a":1}`},
	{"extension beside", "Legacy", "strings", wire(text(10, "a"), varint(100, 1)), `["a"]`},
	{"invalid extension beside", "Legacy", "needies", chunk(104, []byte{0x80}), fails},
	{"unknown beside", "Tree", "left", wire(chunk(2), varint(99, 1)), `{}`},
	{"required missing in it", "Legacy", "needy", chunk(14, varint(1, 1)), fails},
	{"required missing in a message that is not set", "Legacy", "needy", nil, fails},
	{"required missing beside", "Legacy", "single", wire(group(11), chunk(16)), fails},
	{"required missing beside, out of order", "Legacy", "single", wire(chunk(16), group(11)), fails},
	{"required missing in a map beside", "Legacy", "single", wire(group(11), chunk(17, chunk(2))), fails},
	{"required of the message itself", "Needy", "child", wire(varint(1, 1), chunk(2, varint(1, 1), text(3, ""))), fails},
	{"required beside, in pieces", "Legacy", "needy", wire(chunk(14, varint(1, 1)), chunk(14, text(3, "n"))), `{"id":1,"name":"n"}`},
	{"required in pieces below", "Legacy", "single", wire(group(11), chunk(16, text(3, "n"), varint(1, 1))), `{}`},
	{"invalid UTF-8 beside", "Tree", "left", wire(text(1, badUTF8), chunk(2)), fails},
	{"invalid UTF-8 below", "Tree", "left", wire(chunk(2), chunk(3, chunk(4, text(1, badUTF8)))), fails},
	{"unchecked UTF-8 beside", "Legacy", "single", wire(text(2, badUTF8), group(11)), `{}`},
	{"invalid packed beside", "Lists", "implicit", wire(chunk(2, []byte{0x80}), chunk(18)), fails},
	{"valid packed beside", "Lists", "implicit", wire(chunk(2, []byte{1, 2}), chunk(18)), `[{}]`},
	{"group beside", "Legacy", "needies", group(11, group(3)), `null`},
	{"invalid group beside", "Legacy", "needies", group(11, chunk(2, []byte{0x80})), fails},
	{"value out of range beside", "WellKnown", "empty", wire(chunk(2, varint(1, 1<<60)), chunk(8)), `{}`},
	{"too deep beside", "Tree", "children", chunk(2, deep(9999, nil, 2)), fails},
	{"cut", "Tree", "left", []byte{0x12, 5}, fails},
}

// What is beside the field must be valid too, and order and pieces do not matter.
func TestCompileFieldWire(t *testing.T) {
	s := loadSchema(t)
	for _, test := range fieldWireTests {
		t.Run(test.name, func(t *testing.T) {
			fd := s.message(t, test.typ).Fields().ByName(test.field)
			encoder, err := wirejson.CompileField(fd, wirejson.Options{Resolver: s})
			if err != nil {
				t.Fatal(err)
			}
			got, err := encoder.Append(nil, test.wire)
			if (err == nil) != (test.want != fails) || string(got) != test.want {
				t.Errorf("got %s, %v\nwant %s", got, err, test.want)
			}
		})
	}
}

func TestCompileFieldRefuses(t *testing.T) {
	s := loadSchema(t)
	x, err := s.FindExtensionByName("wirejson.test.number")
	if err != nil {
		t.Fatal(err)
	}
	for name, fd := range map[string]protoreflect.FieldDescriptor{"no field": nil, "extension": x.TypeDescriptor()} {
		if _, err := wirejson.CompileField(fd, wirejson.Options{}); err == nil || !strings.Contains(err.Error(), "response body") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
