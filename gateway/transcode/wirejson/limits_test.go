package wirejson_test

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/venta-hq/venta/gateway/transcode/wirejson"
)

// nested wraps an empty message depth times.
func nested(depth int, wrap func(inner []byte) []byte) []byte {
	var b []byte
	for range depth {
		b = wrap(b)
	}
	return b
}

// deep puts inner into depth levels of the fields nums, the first one outermost.
func deep(depth int, inner []byte, nums ...protowire.Number) []byte {
	heads, size := [][]byte{inner}, len(inner)
	for range depth {
		for _, num := range slices.Backward(nums) {
			head := protowire.AppendTag(nil, num, protowire.BytesType)
			heads = append(heads, protowire.AppendVarint(head, uint64(size)))
			size += len(heads[len(heads)-1])
		}
	}
	slices.Reverse(heads)
	return wire(heads...)
}

// depthTests stand around the limit of proto.Unmarshal: 10,000 messages, of
// which a map's entry is one.
var depthTests = []struct {
	name  string
	typ   protoreflect.FullName
	wire  []byte
	depth int
	open  string // what a level adds to the JSON; "" expects an error
	inner string
	close string
}{
	{"messages", "Tree", deep(9999, nil, 2), 9999, `{"left":`, `{}`, `}`},
	{"messages, one too many", "Tree", deep(10000, nil, 2), 0, "", "", ""},
	{"lists", "Tree", deep(9999, nil, 3), 9999, `{"children":[`, `{}`, `]}`},
	{"maps", "Tree", deep(4999, nil, 4, 2), 4999, `{"named":{"":`, `{}`, `}}`},
	{"maps, one message too many", "Tree", deep(5000, nil, 4, 2), 0, "", "", ""},
	{"maps, one entry too many", "Tree", deep(1, deep(4999, chunk(4), 4, 2), 2), 0, "", "", ""},
	{"groups", "Modern", nested(400, func(b []byte) []byte { return group(8, b) }), 400, `{"delimited":`, `{}`, `}`},
	{"extensions", "Legacy", deep(9999, nil, 101), 9999, `{"[wirejson.test.legacy]":`, `{}`, `}`},
	{"extensions, one too many", "Legacy", deep(10000, nil, 101), 0, "", "", ""},
	{"pieces", "Tree", deep(9998, wire(chunk(2), chunk(2)), 2), 9998, `{"left":`, `{"left":{}}`, `}`},
	{"pieces, one too many", "Tree", deep(9999, wire(chunk(2), chunk(2)), 2), 0, "", "", ""},
	{"replaced", "Tree", wire(chunk(4, deep(9998, nil, 2)), chunk(4)), 1, `{"named":{"":`, `{}`, `}}`},
	{"replaced, one too many", "Tree", wire(chunk(4, deep(9999, nil, 2)), chunk(4)), 0, "", "", ""},
	{"replaced extension, one too many", "Legacy", wire(chunk(17, chunk(2, chunk(2, deep(9999, nil, 2)))), chunk(17)), 0, "", "", ""},
}

func TestAppendDepth(t *testing.T) {
	s := loadSchema(t)
	for _, test := range depthTests {
		t.Run(test.name, func(t *testing.T) {
			md := s.message(t, test.typ)
			encoder, err := wirejson.Compile(md, wirejson.Options{Resolver: s})
			if err != nil {
				t.Fatal(err)
			}
			stock := proto.UnmarshalOptions{Resolver: s}.Unmarshal(test.wire, dynamicpb.NewMessage(md))
			got, err := encoder.Append(nil, test.wire)
			if (err == nil) != (test.open != "") || (stock == nil) != (err == nil) {
				t.Fatalf("error %v, of proto.Unmarshal %v", err, stock)
			}
			want := strings.Repeat(test.open, test.depth) + test.inner + strings.Repeat(test.close, test.depth)
			if err == nil && string(got) != want {
				t.Errorf("wrong JSON: %.100s...", got)
			}
		})
	}
}

func TestAppendUnknownDepth(t *testing.T) {
	o := newOracle(t, loadSchema(t), "None")
	for _, depth := range []int{9999, 10000, 10001, 10002, 10003} {
		o.check(t, wire(bytes.Repeat([]byte{0x43}, depth), bytes.Repeat([]byte{0x44}, depth)))
	}
}

// More records than are sorted by hand.
func TestAppendManyRecordsInDisorder(t *testing.T) {
	var names, words, twice []byte
	for i := range 100 {
		words = wire(words, varint(2, uint64(i)), text(14, strconv.Itoa(i)))
		names = wire(names, chunk(4, text(1, strconv.Itoa(i%37)), chunk(2, varint(9, uint64(i)))), varint(9, uint64(i)))
		twice = wire(twice, chunk(2, varint(9, uint64(i))), text(1, strconv.Itoa(i)))
	}
	s := loadSchema(t)
	newOracle(t, s, "Lists").check(t, words)
	for _, b := range [][]byte{names, twice} {
		if _, err := newOracle(t, s, "Tree").check(t, b); err != nil {
			t.Error(err)
		}
	}
}

// failingResolver cannot say whether it knows an extension.
type failingResolver struct{ schema }

var errResolver = errors.New("resolver is down")

func (failingResolver) FindExtensionByNumber(protoreflect.FullName, protoreflect.FieldNumber) (protoreflect.ExtensionType, error) {
	return nil, errResolver
}

func TestAppendResolverFails(t *testing.T) {
	s := loadSchema(t)
	encoder, err := wirejson.Compile(s.message(t, "Legacy"), wirejson.Options{Resolver: failingResolver{s}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := encoder.Append(nil, varint(100, 1)); !errors.Is(err, errResolver) {
		t.Errorf("got %s, %v", got, err)
	}
	if got, err := encoder.Append(nil, varint(1, 1)); err != nil {
		t.Errorf("without extensions: %s, %v", got, err)
	}
}

// dynamicpb panics on such bytes: here they are skipped, or an error where they
// stand in a message that dynamicpb has to decode.
func TestAppendKeyOfTwoWireTypes(t *testing.T) {
	s := loadSchema(t)
	entry := chunk(9, text(1, "k"), varint(1, 1), text(2, "v"))
	encoder, err := wirejson.Compile(s.message(t, "Legacy"), wirejson.Options{Resolver: s})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := encoder.Append(nil, entry); err != nil || string(got) != `{"unchecked":{"k":"v"}}` {
		t.Errorf("alone: %s, %v", got, err)
	}
	if got, err := encoder.Append(nil, wire(varint(100, 1), entry)); err == nil {
		t.Errorf("beside an extension: %s, want an error", got)
	}
	packed := wire(text(1, "example.com/wirejson.test.Legacy"), chunk(2, entry))
	if encoder, err = wirejson.Compile(s.message(t, "google.protobuf.Any"), wirejson.Options{Resolver: s}); err != nil {
		t.Fatal(err)
	}
	if got, err := encoder.Append(nil, packed); err == nil {
		t.Errorf("inside Any: %s, want an error", got)
	}
}

// A message is encoded once, however its parts are ordered: work must not double
// with each level.
func TestAppendDisorderIsLinear(t *testing.T) {
	o := newOracle(t, loadSchema(t), "Tree")
	tests := map[string]func([]byte) []byte{
		"late disorder":    func(b []byte) []byte { return wire(chunk(2, b), text(1, "n")) },
		"late duplicate":   func(b []byte) []byte { return wire(chunk(2, b), varint(9, 1), varint(9, 2)) },
		"late pieces":      func(b []byte) []byte { return wire(chunk(2, b), varint(9, 1), chunk(2)) },
		"late oneof":       func(b []byte) []byte { return wire(chunk(2, b), varint(5, 1), text(6, "x")) },
		"equal keys":       func(b []byte) []byte { return wire(chunk(2, b), chunk(4), chunk(4)) },
		"replaced in maps": func(b []byte) []byte { return wire(chunk(4, chunk(2, b)), chunk(4)) },
	}
	for name, wrap := range tests {
		t.Run(name, func(t *testing.T) { o.check(t, nested(300, wrap)) })
	}
}
