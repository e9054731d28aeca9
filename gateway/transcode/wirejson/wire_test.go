package wirejson_test

import (
	"bytes"
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// fails stands for an error, of both ways.
const fails = ""

var (
	badUTF8 = "a\xff"
	minus1  = uint64(math.MaxUint64)
)

// wireTests are bytes; want fails means an error.
var wireTests = map[protoreflect.FullName][]struct {
	name string
	wire []byte
	want string
}{
	"Implicit": {
		{"out of order", wire(text(14, "s"), varint(1, 1)), `{"bool":true,"string":"s"}`},
		{"last wins", wire(varint(2, 1), varint(2, 2)), `{"int32":2}`},
		{"last wins, zero", wire(varint(2, 1), varint(2, 0)), `{}`},
		{"last wins after others", wire(varint(2, 1), varint(1, 1), varint(2, 3)), `{"bool":true,"int32":3}`},
		{"32 bits of a longer varint", wire(varint(2, 1<<32|5), varint(4, 1<<33|6), varint(3, 1<<32|3)), `{"int32":5,"sint32":-2,"uint32":6}`},
		{"32 bits that are zero", varint(2, 1<<32), `{}`},
		{"wide bool", varint(1, 1<<40), `{"bool":true}`},
		{"enum of 64 bits", varint(16, minus1), `{"color":-1}`},
		{"null enum that is not zero", varint(17, 5), `{"null":null}`},
		{"unknown fields", wire(varint(99, 1), fixed32(98, 1), varint(1, 1), fixed64(97, 1), text(96, badUTF8), group(95, varint(1, 1), group(2))), `{"bool":true}`},
		{"other wire types", wire(fixed32(1, 1), text(2, "x"), varint(14, 1), varint(13, 1), group(15)), `{}`},
		{"denormal tag and length", []byte{0x88, 0x80, 0x00, 0x01, 0x72, 0x81, 0x00, 'x'}, `{"bool":true,"string":"x"}`},
		{"invalid UTF-8", text(14, badUTF8), fails},
		{"invalid UTF-8, replaced", wire(text(14, badUTF8), text(14, "x")), fails},
		{"surrogate", text(14, "\xed\xa0\x80"), fails},
		{"overlong", text(14, "\xc0\x80"), fails},
		{"cut rune", text(14, "12345678\xf0\x9f\x98"), fails},
		{"invalid UTF-8 after an escape", text(14, "\n\xff"), fails},
		{"invalid UTF-8 before an escape", text(14, "\xff\n"), fails},
		{"cut varint", []byte{0x10, 0x80}, fails},
		{"long varint", append([]byte{0x10}, bytes.Repeat([]byte{0xff}, 10)...), fails},
		{"cut tag", []byte{0x80}, fails},
		{"cut fixed32", []byte{0x4d, 1, 2, 3}, fails},
		{"cut fixed64", []byte{0x69, 1, 2, 3, 4, 5, 6, 7}, fails},
		{"cut string", []byte{0x72, 2, 'x'}, fails},
		{"huge length", protowire.AppendVarint([]byte{0x72}, minus1), fails},
		{"field number zero", []byte{0x00, 0x01}, fails},
		{"field number too large", protowire.AppendVarint(nil, 1<<32), fails},
		{"largest field number", varint(protowire.MaxValidNumber, 1), `{}`},
		{"end of no group", []byte{0x0c}, fails},
		{"open group", []byte{0x0b, 0x10, 0x01}, fails},
		{"group ends with another number", []byte{0x0b, 0x14}, fails},
		{"reserved wire types", []byte{0x0e}, fails},
		{"reserved wire type of an unknown field", []byte{0x9f, 0x06}, fails},
	},
	"Optional": {
		{"merged", wire(chunk(18, varint(2, 1), text(14, "a")), varint(1, 1), chunk(18, varint(2, 2), varint(4, 4))),
			`{"bool":true,"implicit":{"int32":2,"uint32":4,"string":"a"}}`},
		{"merged with nothing", wire(chunk(18, varint(2, 1)), chunk(18)), `{"implicit":{"int32":1}}`},
		{"pieces that are valid only together", wire(chunk(18, []byte{0x72, 3}), chunk(18, []byte("abc"))), fails},
		{"one bad piece", wire(chunk(18, text(14, badUTF8)), chunk(18, text(14, "x"))), fails},
	},
	"Lists": {
		{"unpacked", wire(varint(2, 1), varint(2, 2)), `{"int32":[1,2]}`},
		{"mixed", wire(varint(2, 1), chunk(2, []byte{2, 3}), varint(2, 4), chunk(2)), `{"int32":[1,2,3,4]}`},
		{"scattered", wire(varint(2, 1), text(14, "a"), chunk(2, []byte{2}), text(14, "b"), varint(2, 3)), `{"int32":[1,2,3],"string":["a","b"]}`},
		{"packed fixed", wire(chunk(9, []byte{1, 0, 0, 0, 2, 0, 0, 0}), fixed32(9, 3)), `{"fixed32":[1,2,3]}`},
		{"empty packed", wire(chunk(2), chunk(13)), `{}`},
		{"packed though expanded", chunk(19, []byte{1, 2}), `{"expanded":[1,2]}`},
		{"packed long varints", chunk(2, protowire.AppendVarint(nil, 1<<32|7), protowire.AppendVarint(nil, minus1)), `{"int32":[7,-1]}`},
		{"packed enums", chunk(16, []byte{1, 7, 0}), `{"color":["COLOR_RED",7,"COLOR_NONE"]}`},
		{"cut packed varint", chunk(2, []byte{1, 0x80}), fails},
		{"cut packed fixed", chunk(9, []byte{1, 2, 3, 4, 5}), fails},
		{"cut packed double", chunk(13, []byte{1, 2, 3, 4, 5}), fails},
		{"invalid UTF-8", wire(text(14, "x"), text(14, badUTF8)), fails},
		{"messages are not merged", wire(chunk(18, varint(2, 1)), varint(1, 1), chunk(18, varint(4, 4))), `{"bool":[true],"implicit":[{"int32":1},{"uint32":4}]}`},
	},
	"Maps": {
		{"last wins", wire(chunk(2, varint(1, 1), varint(2, 10)), chunk(2, varint(1, 2)), chunk(2, varint(1, 1), varint(2, 11))), `{"int32":{"1":11,"2":0}}`},
		{"equal keys of unlike bytes", wire(chunk(1, varint(1, 1), varint(2, 1)), chunk(1, varint(1, 2))), `{"bool":{"true":false}}`},
		{"no key", wire(chunk(14, text(2, "v")), chunk(2, varint(2, 3))), `{"int32":{"0":3},"string":{"":"v"}}`},
		{"nothing", wire(chunk(1), chunk(14), chunk(15), chunk(16), chunk(17), chunk(18), chunk(11)),
			`{"bool":{"false":false},"sfixed64":{"0":0},"string":{"":""},"bytes":{"":""},"color":{"":"COLOR_NONE"},"null":{"":null},"tree":{"":{}}}`},
		{"value first", chunk(14, text(2, "v"), text(1, "k")), `{"string":{"k":"v"}}`},
		{"parts repeated", chunk(14, text(1, "a"), text(2, "v"), text(1, "k"), text(2, "w")), `{"string":{"k":"w"}}`},
		{"message in pieces", chunk(18, chunk(2, text(1, "n")), text(1, "k"), chunk(2, varint(9, 1))), `{"tree":{"k":{"name":"n","after":1}}}`},
		{"message in pieces, no key", chunk(18, chunk(2, text(1, "n")), chunk(2, varint(9, 1))), `{"tree":{"":{"name":"n","after":1}}}`},
		{"replaced message in pieces", wire(chunk(18, chunk(2, text(1, "n")), chunk(2, varint(9, 1))), chunk(18)), `{"tree":{"":{}}}`},
		{"unknown in entry", chunk(14, varint(3, 1), text(1, "k"), group(4), fixed32(2, 9)), `{"string":{"k":""}}`},
		{"messages are replaced, not merged", wire(chunk(18, chunk(2, text(1, "n"))), chunk(18, chunk(2, varint(9, 1)))), `{"tree":{"":{"after":1}}}`},
		{"replaced, but invalid", wire(chunk(18, chunk(2, text(1, badUTF8))), chunk(18)), fails},
		{"replaced string, but invalid", wire(chunk(14, text(2, badUTF8)), chunk(14)), fails},
		{"repeated part, but invalid", chunk(14, text(1, badUTF8), text(1, "k")), fails},
		{"invalid key", chunk(14, text(1, badUTF8)), fails},
		{"cut entry", chunk(14, []byte{0x0a, 5, 'x'}), fails},
		{"entry of another wire type", varint(14, 1), `{}`},
		{"value without kind", chunk(19), fails},
		{"value without kind, replaced", wire(chunk(19), chunk(19, chunk(2, varint(4, 1)))), `{"value":{"0":true}}`},
	},
	"Tree": {
		{"last member of a oneof", wire(varint(5, 1), text(6, "x")), `{"text":"x"}`},
		{"last member of a oneof, backwards", wire(text(6, "x"), varint(5, 1)), `{"number":1}`},
		{"member of a oneof twice", wire(varint(5, 1), varint(5, 2)), `{"number":2}`},
		{"members of a oneof, others between", wire(varint(5, 1), varint(9, 1), text(6, "x")), `{"text":"x","after":1}`},
		{"message in a oneof merged", wire(chunk(7, text(1, "n")), chunk(7, varint(9, 1))), `{"tree":{"name":"n","after":1}}`},
		{"message in a oneof cleared", wire(chunk(7, text(1, "n")), varint(5, 0), chunk(7, varint(9, 1))), `{"tree":{"after":1}}`},
		{"cleared, but invalid", wire(chunk(7, text(1, badUTF8)), varint(5, 1)), fails},
		{"cleared string, but invalid", wire(text(6, badUTF8), varint(5, 1)), fails},
		{"disorder in depth", chunk(2, varint(9, 1), chunk(2, varint(9, 1), text(1, "b")), text(1, "a")), `{"left":{"name":"a","left":{"name":"b","after":1},"after":1}}`},
	},
	"Shuffled": {
		{"oneofs", wire(varint(11, 1), text(12, "x"), chunk(300), chunk(299)), `{"b":"x","y":{}}`},
		{"large numbers", wire(text(20000, "a"), text(500000000, "z"), varint(499999999, 1), text(20000, "b")), `{"last":"z","far":["a","b"]}`},
	},
	"Legacy": {
		{"unknown closed enum", wire(varint(4, 9), chunk(5, []byte{5, 9})), `{"closed":9,"closeds":["CLOSED_FIVE",9]}`},
		{"closed enum missing in entry", chunk(8, varint(1, 1)), `{"closedByNumber":{"1":"CLOSED_KEY_ZERO"}}`},
		{"unchecked string", text(2, badUTF8), fails},
		{"unchecked string, replaced", wire(text(2, badUTF8), text(2, "x")), `{"string":"x"}`},
		{"unchecked string, cleared", wire(text(15, badUTF8), group(13)), `{"chosen":{}}`},
		{"unchecked key", chunk(9, text(1, badUTF8)), fails},
		{"unchecked value, replaced", wire(chunk(9, text(2, badUTF8)), chunk(9)), `{"unchecked":{"":""}}`},
		{"group merged", wire(group(11, varint(1, 1)), group(11, chunk(2, varint(1, 2)))), `{"single":{"a":1,"legacy":{"int32":2}}}`},
		{"group as message", chunk(11, varint(1, 1)), `{}`},
		{"group with denormal end", []byte{0x5b, 0x08, 0x01, 0xdc, 0x80, 0x00}, `{"single":{"a":1}}`},
		{"unknown in group", group(11, varint(99, 1), group(98, text(1, "x")), varint(1, 1)), `{"single":{"a":1}}`},
		{"open group", []byte{0x5b, 0x08, 0x01}, fails},
		{"foreign end in group", []byte{0x5b, 0x08, 0x01, 0x64}, fails},
		{"required in pieces", wire(chunk(14, varint(1, 1)), chunk(14, text(3, "n"))), `{"needy":{"id":1,"name":"n"}}`},
		{"required missing, cleared", wire(chunk(14), text(15, "x")), `{"text":"x"}`},
		{"required missing, replaced", wire(chunk(17), chunk(17, chunk(2, varint(1, 1), text(3, "")))), `{"needyByName":{"":{"id":1,"name":""}}}`},
		{"unknown extension", wire(varint(150, 1), varint(1, 1)), `{"int32":1}`},
		{"extension out of order", wire(varint(100, 1), varint(1, 1), varint(100, 2)), `{"int32":1,"[wirejson.test.number]":"2"}`},
		{"extension of another wire type", wire(text(100, "x"), varint(1, 1)), `{"int32":1}`},
		{"invalid extension", chunk(104, []byte{0x80}), fails},
	},
	"Needy": {
		{"required of another wire type", wire(text(1, "x"), text(3, "n")), fails},
		{"required in disorder", wire(text(3, "n"), varint(1, 1)), `{"id":1,"name":"n"}`},
	},
	"Modern": {
		{"delimited as message", chunk(8, varint(1, 1)), `{}`},
		{"message as delimited", group(10, varint(1, 1)), `{}`},
		{"checked", text(3, badUTF8), fails},
		{"checked, replaced", wire(text(3, badUTF8), text(3, "x")), fails},
		{"unchecked", text(4, badUTF8), fails},
		{"unchecked, replaced", wire(text(4, badUTF8), text(4, "x")), `{"unchecked":"x"}`},
		{"unchecked map, replaced", wire(chunk(19, text(2, badUTF8)), chunk(19, text(2, "x"))), `{"uncheckedMap":{"":"x"}}`},
		{"unknown closed enum", wire(varint(11, 3), chunk(12, []byte{1, 3})), `{"shut":3,"shuts":["SHUT_ONE",3]}`},
		{"merged groups", wire(group(8, varint(1, 1)), group(8, varint(2, 2))), `{"delimited":{"explicit":1,"implicit":2}}`},
		{"list of groups", wire(group(9), varint(1, 1), group(9, varint(1, 2))), `{"explicit":1,"delimiteds":[{},{"explicit":2}]}`},
		{"extension group", wire(group(500, varint(1, 1)), group(500, varint(2, 2))), `{"[wirejson.test.extra]":{"explicit":1,"implicit":2}}`},
	},
	"None": {
		{"unknown", varint(1, 1), `{}`},
		{"invalid", []byte{0xff}, fails},
	},
}

// Bytes as no usual serializer writes them.
func TestAppendWire(t *testing.T) {
	s := loadSchema(t)
	for typ, cases := range wireTests {
		o := newOracle(t, s, typ)
		for _, test := range cases {
			t.Run(string(typ)+"/"+test.name, func(t *testing.T) {
				got, err := o.check(t, test.wire)
				if (err == nil) != (test.want != fails) || got != test.want {
					t.Errorf("%s\ngot %s, %v\nwant %s", hex.EncodeToString(test.wire), got, err, test.want)
				}
			})
		}
	}
}

// Every length and every place of a byte to escape, around the words that the
// scanner of strings reads.
func TestAppendStringLengths(t *testing.T) {
	o := newOracle(t, loadSchema(t), "google.protobuf.StringValue")
	for _, odd := range []string{"x", "\"", "\\", "\n", "\x00", "\x1f", " ", "\x7f", "é", "\u2028", "😀", "\xff", "\x80", "!", "#", "[", "]"} {
		for length := range 20 {
			for at := range length + 1 {
				plain := strings.Repeat("a", length)
				o.check(t, text(1, plain[:at]+odd+plain[at:]))
				o.check(t, text(1, plain[:at]+odd+plain[at:]+odd))
			}
		}
	}
}
