// Package wirejson turns the protobuf wire bytes of a message into the JSON
// that protojson writes for it, without building the message. A gateway that
// passes upstream responses through saves the decoding, the garbage and the
// reflection.
//
// [Compile] walks a message descriptor once and makes a table; [Encoder.Append]
// then works on bytes alone: it scans a message's records, puts them in the
// order of declaration where the sender did not, and writes them. What is rare
// and hard to do right on bytes (extensions, Any, messages that come in pieces)
// is handed, for that sub-message only, to proto.Unmarshal and protojson.
//
// The result is protojson's byte for byte, without its random spaces, and a
// message fails here if and only if proto.Unmarshal or protojson.Marshal fails, but
// for one: what nests google.protobuf.Any so deep that its JSON would cost its square.
// So unknown values of closed enums are shown as numbers: protobuf-go treats
// every enum as open, unlike C++ and Java.
//
// JSON mapping: https://protobuf.dev/programming-guides/json/; wire format:
// https://protobuf.dev/programming-guides/encoding/.
package wirejson

import (
	"errors"
	"math"
	"slices"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/venta-hq/venta/gateway/transcode/internal/nested"
)

// Options are the fields of protojson.MarshalOptions that change the JSON
// value. The zero value gives what protojson.Marshal gives.
type Options struct {
	// UseProtoNames writes field names as the .proto file spells them. Default:
	// lowerCamelCase.
	UseProtoNames bool
	// UseEnumNumbers writes enum values as numbers. Default: names.
	UseEnumNumbers bool
	// EmitUnpopulated writes fields that are not set: zero values, empty lists
	// and maps, and null where a field has presence. Members of a oneof and
	// proto3 optional fields are left out. Default: false.
	EmitUnpopulated bool
	// EmitDefaultValues is EmitUnpopulated without the nulls, and yields to it.
	// Default: false.
	EmitDefaultValues bool
	// Resolver finds extensions by number and the messages inside Any by URL.
	// Nil: protoregistry.GlobalTypes.
	Resolver Resolver
}

// Resolver finds the types that the wire names only by number or URL. It must
// be safe for concurrent use.
type Resolver interface {
	protoregistry.ExtensionTypeResolver
	protoregistry.MessageTypeResolver
}

// Encoder writes JSON for one message type. It does not change once made and is
// safe for concurrent use.
type Encoder struct {
	root  *message
	body  *field // nil: the whole message
	stock stock
	pool  sync.Pool // of *state
}

// errTooLarge bounds a message by what a record's offsets hold; protobuf's own
// limit is half of it.
var errTooLarge = errors.New("wirejson: message larger than 4 GiB")

// Compile makes the encoder of messages of type md. It fails on a descriptor
// with unresolved parts, on a message set, and on a type that bears a well-known
// type's name but not its fields.
func Compile(md protoreflect.MessageDescriptor, opts Options) (*Encoder, error) {
	if md == nil {
		return nil, errors.New("wirejson: no message descriptor")
	}
	if opts.Resolver == nil {
		opts.Resolver = protoregistry.GlobalTypes
	}
	c := compiler{opts: opts, known: map[protoreflect.MessageDescriptor]*message{}}
	root, err := c.message(md)
	if err != nil {
		return nil, err
	}
	return &Encoder{root: root, stock: newStock(opts)}, nil
}

// Append appends the JSON of the message in wire to dst and returns the
// extended slice. On an error it returns dst as it was. It reads wire and keeps
// no reference to it. With room in dst for twice the length of wire, or for the
// JSON where that is longer, it does not allocate, but for the rare cases that
// the package comment names. Without, what it returns has at most an eighth more
// room than a long message has bytes, unless its JSON is longer.
func (e *Encoder) Append(dst, wire []byte) ([]byte, error) {
	if uint64(len(wire)) > math.MaxUint32 {
		return dst, errTooLarge
	}
	s := e.state()
	s.budget = nested.Of(len(wire), s.stock.marshal.Resolver)
	out := slices.Grow(dst, room(len(wire)))
	var err error
	if e.body != nil {
		out, err = s.body(out, e.root, e.body, wire)
	} else {
		out, err = s.message(out, e.root, wire, protowire.DefaultRecursionLimit)
	}
	e.release(s)
	if err != nil {
		return dst, err
	}
	return out, nil
}

// large is how long a message is whose JSON may be moved while it is written: one so
// long is mostly text, which hardly grows, and may be kept for a client for a while.
const large = 1 << 20

// room is how much a message's JSON gets at first.
func room(wire int) int {
	if wire >= large {
		return wire + wire/8
	}
	return 2*wire + len(`{}`)
}

// state is the scratch memory of one call: stacks that nested messages share.
type state struct {
	stock   *stock
	records []record
	entries []entry
	groups  int // how many groups are open around the current message
	budget  nested.Budget
}

// maxRetained is how much of each stack a pooled state may keep, in elements:
// one huge message must not hold memory for ever.
const maxRetained = 4096

func (e *Encoder) state() *state {
	if s, ok := e.pool.Get().(*state); ok {
		return s
	}
	return &state{stock: &e.stock, records: make([]record, 0, 64)}
}

func (e *Encoder) release(s *state) {
	if cap(s.records) > maxRetained || cap(s.entries) > maxRetained {
		return
	}
	s.records, s.entries, s.groups, s.budget = s.records[:0], s.entries[:0], 0, nested.Budget{}
	e.pool.Put(s)
}
