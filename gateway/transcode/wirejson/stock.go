package wirejson

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// stock is protobuf-go's own way from bytes to JSON.
type stock struct {
	unmarshal proto.UnmarshalOptions
	marshal   protojson.MarshalOptions
}

func newStock(opts Options) stock {
	return stock{
		unmarshal: proto.UnmarshalOptions{Merge: true, Resolver: opts.Resolver},
		marshal: protojson.MarshalOptions{
			UseProtoNames:     opts.UseProtoNames,
			UseEnumNumbers:    opts.UseEnumNumbers,
			EmitUnpopulated:   opts.EmitUnpopulated,
			EmitDefaultValues: opts.EmitDefaultValues,
			Resolver:          opts.Resolver,
		},
	}
}

// decode builds the message whose bytes are pieces, to be merged in their order.
func (s *stock) decode(m *message, depth int, complete bool, pieces ...[]byte) (proto.Message, error) {
	if depth <= 0 {
		return nil, m.fail(errDepth)
	}
	msg := m.typ.New().Interface()
	opts := s.unmarshal
	opts.AllowPartial, opts.RecursionLimit = true, depth
	for _, piece := range pieces {
		if err := decode(opts, piece, msg); err != nil {
			return nil, m.fail(err)
		}
	}
	if !complete {
		return msg, nil
	}
	if err := proto.CheckInitialized(msg); err != nil {
		return nil, m.fail(err)
	}
	return msg, nil
}

// decode merges b into msg.
func decode(opts proto.UnmarshalOptions, b []byte, msg proto.Message) (err error) {
	defer catch(&err)
	return opts.Unmarshal(b, msg)
}

// catch makes an error of a panic of dynamicpb, which has one for a map entry
// with its key a second time in another wire type.
func catch(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: a panic of %T", errWire, r) // its text may hold what the message does
	}
}

// byStock appends the JSON of the message that the pieces make, unless it costs too
// much.
func (s *state) byStock(dst []byte, m *message, depth int, pieces ...[]byte) ([]byte, error) {
	for _, piece := range pieces {
		if err := s.budget.Wire(m.typ.Descriptor(), piece); err != nil {
			return dst, m.fail(err)
		}
	}
	return s.stock.append(dst, m, depth, pieces...)
}

// append appends the JSON of the message that the pieces make.
func (s *stock) append(dst []byte, m *message, depth int, pieces ...[]byte) ([]byte, error) {
	msg, err := s.decode(m, depth, false, pieces...)
	if err != nil {
		return dst, err
	}
	return s.appendMessage(dst, msg)
}

// appendMessage appends a message's JSON.
func (s *stock) appendMessage(dst []byte, msg proto.Message) ([]byte, error) {
	out, err := s.encode(msg)
	if err != nil {
		return dst, fmt.Errorf("wirejson: %w", err)
	}
	return appendCompact(dst, out), nil
}

// encode decodes, too: what is inside Any.
func (s *stock) encode(msg proto.Message) (out []byte, err error) {
	defer catch(&err)
	return s.marshal.Marshal(msg)
}

// appendCompact appends JSON without the spaces that protojson scatters.
// json.Compact would refuse the depth that protobuf allows.
func appendCompact(dst, src []byte) []byte {
	quoted, escaped := false, false
	for _, c := range src {
		if c == ' ' && !quoted {
			continue
		}
		quoted = quoted != (c == '"' && !escaped)
		escaped = c == '\\' && !escaped
		dst = append(dst, c)
	}
	return dst
}

func (s *stock) check(m *message, b []byte, depth int, complete bool) error {
	_, err := s.decode(m, depth, complete, b)
	return err
}
