package wirejson_test

import (
	"math"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// wellKnownTests are messages of package google.protobuf in text format.
var wellKnownTests = map[protoreflect.FullName][]struct{ text, want string }{
	"Timestamp": {
		{``, `"1970-01-01T00:00:00Z"`},
		{`seconds: 951782400`, `"2000-02-29T00:00:00Z"`},
		{`seconds: 1 nanos: 1`, `"1970-01-01T00:00:01.000000001Z"`},
		{`seconds: -1 nanos: 999000000`, `"1969-12-31T23:59:59.999Z"`},
		{`seconds: 1 nanos: 1000`, `"1970-01-01T00:00:01.000001Z"`},
		{`seconds: -62135596800`, `"0001-01-01T00:00:00Z"`},
		{`seconds: 253402300799 nanos: 999999999`, `"9999-12-31T23:59:59.999999999Z"`},
		{`seconds: -62135596801`, fails},
		{`seconds: 253402300800`, fails},
		{`nanos: -1`, fails},
		{`nanos: 1000000000`, fails},
		{`seconds: -9223372036854775808`, fails},
	},
	"Duration": {
		{``, `"0s"`},
		{`seconds: 1`, `"1s"`},
		{`nanos: -500000000`, `"-0.500s"`},
		{`seconds: -3 nanos: -1000`, `"-3.000001s"`},
		{`seconds: 3 nanos: 10`, `"3.000000010s"`},
		{`seconds: 315576000000 nanos: 999999999`, `"315576000000.999999999s"`},
		{`seconds: -315576000000`, `"-315576000000s"`},
		{`seconds: 315576000001`, fails},
		{`seconds: -315576000001`, fails},
		{`seconds: -9223372036854775808`, fails},
		{`nanos: 1000000000`, fails},
		{`nanos: -1000000000`, fails},
		{`nanos: -2147483648`, fails},
		{`seconds: 1 nanos: -1`, fails},
		{`seconds: -1 nanos: 1`, fails},
	},
	"FieldMask": {
		{``, `""`},
		{`paths: "a"`, `"a"`},
		{`paths: ["user.display_name", "photo", "_x.y_z1"]`, `"user.displayName,photo,X.yZ1"`},
		{`paths: "a._b"`, `"a.B"`},
		{`paths: ""`, fails},
		{`paths: "A"`, fails},
		{`paths: "aB"`, fails},
		{`paths: "a_1"`, fails},
		{`paths: "a__b"`, fails},
		{`paths: "a_"`, fails},
		{`paths: "_"`, fails},
		{`paths: "1a"`, fails},
		{`paths: "a."`, fails},
		{`paths: ".a"`, fails},
		{`paths: "a..b"`, fails},
		{`paths: "a.1"`, fails},
		{`paths: "a,b"`, fails},
		{`paths: "a b"`, fails},
		{`paths: "\303\251"`, fails},
		{`paths: ["a", ""]`, fails},
	},
	"Struct": {
		{``, `{}`},
		{`fields { key: "b" value { number_value: 1.5 } } fields { key: "a" value { null_value: NULL_VALUE } }`, `{"a":null,"b":1.5}`},
		{`fields { key: "a" value { list_value { values { struct_value {} } values { string_value: "\n" } } } }`, `{"a":[{},"\n"]}`},
		{`fields { key: "a" value {} }`, fails},
	},
	"Value": {
		{``, fails},
		{`null_value: NULL_VALUE`, `null`},
		{`number_value: 0`, `0`},
		{`number_value: nan`, fails},
		{`number_value: inf`, fails},
		{`number_value: -inf`, fails},
		{`string_value: ""`, `""`},
		{`bool_value: false`, `false`},
		{`struct_value {}`, `{}`},
		{`list_value {}`, `[]`},
	},
	"ListValue":   {{``, `[]`}, {`values { number_value: 1 } values { null_value: NULL_VALUE }`, `[1,null]`}, {`values {}`, fails}},
	"Empty":       {{``, `{}`}},
	"BoolValue":   {{``, `false`}, {`value: true`, `true`}},
	"Int32Value":  {{``, `0`}, {`value: -1`, `-1`}},
	"Int64Value":  {{``, `"0"`}, {`value: -1`, `"-1"`}},
	"UInt32Value": {{``, `0`}, {`value: 1`, `1`}},
	"UInt64Value": {{``, `"0"`}, {`value: 1`, `"1"`}},
	"FloatValue":  {{``, `0`}, {`value: nan`, `"NaN"`}, {`value: 0.1`, `0.1`}},
	"DoubleValue": {{``, `0`}, {`value: -0.0`, `-0`}},
	"StringValue": {{``, `""`}, {`value: "<"`, `"<"`}},
	"BytesValue":  {{``, `""`}, {`value: "ab"`, `"YWI="`}},
	"Any": {
		{``, `{}`},
		{`value: "x"`, fails},
		{`type_url: "example.com/unknown"`, fails},
		{`[type.googleapis.com/google.protobuf.Duration] { seconds: 1 }`, `{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}`},
		{`[type.googleapis.com/google.protobuf.Empty] {}`, `{"@type":"type.googleapis.com/google.protobuf.Empty"}`},
		{`[type.googleapis.com/google.protobuf.Value] {}`, fails},
		{`[type.googleapis.com/wirejson.test.Tree] { name: "<n, m>" after: 1 }`, `{"@type":"type.googleapis.com/wirejson.test.Tree","name":"<n, m>","after":1}`},
		{`[type.googleapis.com/wirejson.test.Needy] {}`, `{"@type":"type.googleapis.com/wirejson.test.Needy"}`},
		{`[type.googleapis.com/google.protobuf.Any] { [type.googleapis.com/wirejson.test.None] {} }`,
			`{"@type":"type.googleapis.com/google.protobuf.Any","value":{"@type":"type.googleapis.com/wirejson.test.None"}}`},
		{`type_url: "type.googleapis.com/wirejson.test.Tree" value: "\377"`, fails},
	},
}

func TestAppendWellKnown(t *testing.T) {
	s := loadSchema(t)
	for typ, cases := range wellKnownTests {
		o := newOracle(t, s, "google.protobuf."+typ)
		for _, test := range cases {
			t.Run(string(typ)+"/"+test.text, func(t *testing.T) {
				got, err := o.check(t, o.text(t, test.text))
				if (err == nil) != (test.want != fails) || got != test.want {
					t.Errorf("got %s, %v\nwant %s", got, err, test.want)
				}
			})
		}
	}
}

// Well-known types as fields, and as no serializer writes them.
func TestAppendWellKnownWire(t *testing.T) {
	number := func(v float64) []byte { return fixed64(2, math.Float64bits(v)) }
	tests := []struct {
		name string
		wire []byte
		want string
	}{
		{"nanos first", chunk(2, varint(2, 5e8), varint(1, 1)), `{"timestamp":"1970-01-01T00:00:01.500Z"}`},
		{"merged", wire(chunk(2, varint(1, 1)), chunk(2, varint(2, 1e6))), `{"timestamp":"1970-01-01T00:00:01.001Z"}`},
		{"valid only when merged", wire(chunk(3, varint(1, 1), varint(2, minus1)), chunk(3, varint(1, minus1))), `{"duration":"-1.000000001s"}`},
		{"last second wins", chunk(2, varint(1, 1<<60), varint(1, 1)), `{"timestamp":"1970-01-01T00:00:01Z"}`},
		{"unknown inside", wire(chunk(8, varint(5, 1)), chunk(9, varint(1, 1), varint(2, 9))), `{"empty":{},"bool":true}`},
		{"invalid inside empty", chunk(8, []byte{0x80}), fails},
		{"value without kind", chunk(6), fails},
		{"value with two kinds", chunk(6, varint(1, 0), varint(4, 1)), `{"value":true}`},
		{"value cleared", chunk(6, number(math.NaN()), text(3, "x")), `{"value":"x"}`},
		{"struct in pieces", chunk(6, chunk(5, chunk(1, text(1, "a"), chunk(2, varint(1, 0)))), chunk(5, chunk(1, text(1, "b"), chunk(2, varint(1, 0))))), `{"value":{"a":null,"b":null}}`},
		{"equal keys", chunk(5, chunk(1, text(1, "a"), chunk(2, number(math.NaN()))), chunk(1, text(1, "a"), chunk(2, varint(1, 0)))), `{"struct":{"a":null}}`},
		{"wrapper of last", chunk(10, varint(1, 7), varint(1, 0)), `{"int32":0}`},
		{"mask of invalid UTF-8", chunk(4, text(1, badUTF8)), fails},
		{"any in pieces", wire(chunk(1, text(1, "type.googleapis.com/google.protobuf.BoolValue")), chunk(1, chunk(2, varint(1, 1)))), `{"any":{"@type":"type.googleapis.com/google.protobuf.BoolValue","value":true}}`},
		{"oneof", wire(chunk(31, varint(1, 0)), chunk(32, varint(1, 1))), `{"two":"1970-01-01T00:00:01Z"}`},
	}
	o := newOracle(t, loadSchema(t), "WellKnown")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := o.check(t, test.wire)
			if (err == nil) != (test.want != fails) || got != test.want {
				t.Errorf("%x\ngot %s, %v\nwant %s", test.wire, got, err, test.want)
			}
		})
	}
}
