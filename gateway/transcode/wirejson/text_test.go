package wirejson_test

import (
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// textTests are messages in text format.
var textTests = map[protoreflect.FullName][]struct{ name, text, want string }{
	"Implicit": {
		{"empty", ``, `{}`},
		{"zero values", `bool: false int32: 0 float: 0 string: "" color: COLOR_NONE`, `{}`},
		{"negative zero is not zero", `float: -0.0 double: -0.0`, `{"float":-0,"double":-0}`},
		{"one", `bool: true int32: 1 int64: 1 uint64: 1`, `{"bool":true,"int32":1,"int64":"1","uint64":"1"}`},
		{"lowest", `int32: -2147483648 sint32: -2147483648 sfixed32: -2147483648 int64: -9223372036854775808 sint64: -9223372036854775808 sfixed64: -9223372036854775808`,
			`{"int32":-2147483648,"sint32":-2147483648,"int64":"-9223372036854775808","sint64":"-9223372036854775808","sfixed32":-2147483648,"sfixed64":"-9223372036854775808"}`},
		{"highest", `uint32: 4294967295 fixed32: 4294967295 uint64: 18446744073709551615 fixed64: 18446744073709551615`,
			`{"uint32":4294967295,"uint64":"18446744073709551615","fixed32":4294967295,"fixed64":"18446744073709551615"}`},
		{"not numbers", `float: nan double: -inf`, `{"float":"NaN","double":"-Infinity"}`},
		{"infinity", `float: inf double: inf`, `{"float":"Infinity","double":"Infinity"}`},
		{"exponents", `float: 1e-7 double: 1e21`, `{"float":1e-7,"double":1e+21}`},
		{"near exponents", `float: 1e-6 double: 999999999999999868928`, `{"float":0.000001,"double":999999999999999900000}`},
		{"long exponents", `float: 3.4e38 double: 1.5e-300`, `{"float":3.4e+38,"double":1.5e-300}`},
		{"shortest digits", `float: 0.1 double: 0.1`, `{"float":0.1,"double":0.1}`},
		{"bytes", `bytes: "\000\377\376>?"`, `{"bytes":"AP/+Pj8="}`},
		{"escapes", `string: "a\"b\\c\b\f\n\r\t\001\037\177/<>&'"`, `{"string":"a\"b\\c\b\f\n\r\t\u0001\u001f` + "\x7f" + `/<>&'"}`},
		{"escape after eight", `string: "01234567\n01234567\"89012345"`, `{"string":"01234567\n01234567\"89012345"}`},
		{"beyond ASCII", `string: "grüße \xe2\x80\xa8 \xf0\x9f\x98\x80 \xef\xbf\xbd"`, "{\"string\":\"grüße \u2028 😀 \ufffd\"}"},
		{"alias", `color: COLOR_SCARLET`, `{"color":"COLOR_RED"}`},
		{"negative enum", `color: COLOR_BELOW`, `{"color":"COLOR_BELOW"}`},
		{"unknown enum", `color: 12`, `{"color":12}`},
	},
	"Optional": {
		{"unset", ``, `{}`},
		{"zero values are shown", `bool: false int32: 0 uint64: 0 string: "" bytes: "" color: COLOR_NONE null: NULL_VALUE implicit {}`,
			`{"bool":false,"int32":0,"uint64":"0","string":"","bytes":"","color":"COLOR_NONE","null":null,"implicit":{}}`},
	},
	"Lists": {
		{"packed", `int32: [1, 0, -1] sint64: [5, -5] double: [0, 1.5] bool: [true, false] color: [COLOR_FAR, 9] null: [NULL_VALUE, NULL_VALUE]`,
			`{"bool":[true,false],"int32":[1,0,-1],"sint64":["5","-5"],"double":[0,1.5],"color":["COLOR_FAR",9],"null":[null,null]}`},
		{"not packable", `string: ["", "a"] bytes: ["", "b"] implicit {} implicit { int32: 1 }`,
			`{"string":["","a"],"bytes":["","Yg=="],"implicit":[{},{"int32":1}]}`},
		{"expanded", `expanded: [3, 4]`, `{"expanded":[3,4]}`},
	},
	"Maps": {
		{"keys are sorted as numbers", `int32 { key: 10 value: 1 } int32 { key: -2 value: 2 } int32 { key: 9 value: 3 }`,
			`{"int32":{"-2":2,"9":3,"10":1}}`},
		{"unsigned keys", `uint64 { key: 18446744073709551615 value: 1 } uint64 { key: 1 value: 2 }`,
			`{"uint64":{"1":"2","18446744073709551615":"1"}}`},
		{"zigzag keys", `sint64 { key: -3 value: 1 } sint64 { key: 2 value: 2 } sint64 { key: 0 value: 0 }`,
			`{"sint64":{"-3":"1","0":"0","2":"2"}}`},
		{"boolean keys", `bool { key: true value: false } bool { key: false value: true }`, `{"bool":{"false":true,"true":false}}`},
		{"string keys", `string { key: "b" value: "\n" } string { key: "a\"" value: "" } string { key: "" value: "x" }`,
			`{"string":{"":"x","a\"":"","b":"\n"}}`},
		{"values", `bytes { key: "k" value: "v" } color { key: "k" value: COLOR_RED } null { key: "k" } tree { key: "k" value { name: "n" } }`,
			`{"bytes":{"k":"dg=="},"color":{"k":"COLOR_RED"},"null":{"k":null},"tree":{"k":{"name":"n"}}}`},
	},
	"Tree": {
		{"nested", `name: "a" left { left { name: "b" } } children { name: "c" } children {} named { key: "d" value { after: 1 } }`,
			`{"name":"a","left":{"left":{"name":"b"}},"children":[{"name":"c"},{}],"named":{"d":{"after":1}}}`},
		{"oneof zero", `number: 0`, `{"number":0}`},
		{"oneof null", `nothing: NULL_VALUE`, `{"nothing":null}`},
	},
	"Shuffled": {
		{"order of declaration", `last: "z" third: 3 far: "f" a: 1 first { snake_case_name: 2 } x {}`,
			`{"last":"z","third":3,"far":["f"],"a":"1","fürst\n\"quoted\"":{"snakeCaseName":2},"x":{}}`},
	},
	"Legacy": {
		{"defaults are shown when set", `int32: 7 string: "x" closed: CLOSED_SIX`, `{"int32":7,"string":"x","closed":"CLOSED_SIX"}`},
		{"groups", `Single { a: 1 Inner { legacy { int32: 2 } } } Many { b: "x" More { c: 3 } More {} } Many {}`,
			`{"single":{"a":1,"inner":{"legacy":{"int32":2}}},"many":[{"b":"x","more":[{"c":3},{}]},{}]}`},
		{"group in oneof", `Chosen { d: 4 }`, `{"chosen":{"d":4}}`},
		{"extensions", `[wirejson.test.words]: "w" [wirejson.test.number]: 5 int32: 1 [wirejson.test.time] { seconds: 1 } [wirejson.test.Scope.grouped] { e: 1 }`,
			`{"int32":1,"[wirejson.test.Scope.grouped]":{"e":1},"[wirejson.test.number]":"5","[wirejson.test.time]":"1970-01-01T00:00:01Z","[wirejson.test.words]":["w"]}`},
		{"nested extensions", `Single { legacy { [wirejson.test.legacy] { int32: 1 } } }`,
			`{"single":{"legacy":{"[wirejson.test.legacy]":{"int32":1}}}}`},
		{"extension lacks required", `[wirejson.test.needy] { id: 1 }`, ""},
		{"required in oneof", `needy { id: 1 name: "" }`, `{"needy":{"id":1,"name":""}}`},
		{"required missing in oneof", `needy { id: 1 }`, ""},
		{"required missing in list", `needies { id: 1 name: "" } needies {}`, ""},
		{"required missing in map", `needy_by_name { key: "k" value { name: "" } }`, ""},
	},
	"Needy": {
		{"required missing", ``, ""},
		{"one required missing", `name: "n"`, ""},
		{"required missing deep", `id: 1 name: "n" child { id: 1 name: "n" child { id: 1 } }`, ""},
		{"complete", `id: 0 name: "" [wirejson.test.closed]: CLOSED_FIVE`, `{"id":0,"name":"","[wirejson.test.closed]":"CLOSED_FIVE"}`},
	},
	"Modern": {
		{"presence", `explicit: 0 implicit: 0 implicit_string: ""`, `{"explicit":0}`},
		{"delimited", `delimited { delimited { explicit: 1 } prefixed { explicit: 2 } } delimiteds { implicit: 3 } delimiteds {}`,
			`{"delimited":{"delimited":{"explicit":1},"prefixed":{"explicit":2}},"delimiteds":[{"implicit":3},{}]}`},
		{"delimited well-known type", `value { struct_value { fields { key: "k" value { bool_value: true } } } }`, `{"value":{"k":true}}`},
		{"delimited in oneof", `group { explicit: 1 }`, `{"group":{"explicit":1}}`},
		{"delimited extension", `[wirejson.test.extra] { explicit: 1 } [wirejson.test.opens]: OPEN_ONE`,
			`{"[wirejson.test.extra]":{"explicit":1},"[wirejson.test.opens]":["OPEN_ONE"]}`},
		{"required missing", `strict {}`, ""},
	},
	"None": {{"empty", ``, `{}`}},
}

// Messages as a serializer writes them.
func TestAppendText(t *testing.T) {
	s := loadSchema(t)
	for typ, cases := range textTests {
		o := newOracle(t, s, typ)
		for _, test := range cases {
			t.Run(string(typ)+"/"+test.name, func(t *testing.T) {
				got, err := o.check(t, o.text(t, test.text))
				if (err == nil) != (test.want != "") || got != test.want {
					t.Errorf("got %s, %v\nwant %s", got, err, test.want)
				}
			})
		}
	}
}
