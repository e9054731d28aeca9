package wirejson

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// CompileField makes an encoder that reads messages of fd's containing type and
// writes the value of fd as the whole JSON: google.api.http's response_body.
//
// It gives what grpc-gateway's JSONPb gives with the open-struct API. A message
// that is not set is an empty one. A list that is not set is null, or [] with
// EmitUnpopulated; so are bytes. Any other value that is not set is null where
// the field has presence, else zero. A scalar, and a list or map of scalars, is
// written by encoding/json rather than protojson: 64-bit integers are numbers,
// unknown enum values strings, and floats that are not finite are an error.
// Where grpc-gateway panics, on a member of a oneof that is not set, it is null.
func CompileField(fd protoreflect.FieldDescriptor, opts Options) (*Encoder, error) {
	if fd == nil || fd.IsExtension() {
		return nil, errors.New("wirejson: the response body must be a field of the message")
	}
	e, err := Compile(fd.ContainingMessage(), opts)
	if err != nil {
		return nil, err
	}
	e.body = &e.root.fields[fd.Index()]
	return e, nil
}

// body appends the value of field f of the message in b.
func (s *state) body(dst []byte, m *message, f *field, b []byte) ([]byte, error) {
	if f.kind != kindMessage || f.cardinality == mapping {
		return s.bodyByStock(dst, m, f, b)
	}
	found, err := s.scan(m, b)
	if err != nil {
		return dst, err
	}
	if found != regular {
		return s.bodyByStock(dst, m, f, b)
	}
	p := &parsed{m, s.records, b, protowire.DefaultRecursionLimit - 1}
	if err := m.initialized(p.records); err != nil {
		return dst, err
	}
	own, err := s.checkOthers(p, f)
	switch {
	case err != nil:
		return dst, err
	case len(own) > 0:
		return s.field(dst, f, p, own)
	case f.cardinality == list:
		return s.stock.appendNil(dst), nil
	default:
		return s.message(dst, f.message, nil, p.depth)
	}
}

// checkOthers checks the fields of p but f, and returns the records of f.
func (s *state) checkOthers(p *parsed, f *field) (own []record, err error) {
	for i := 0; i < len(p.records) && err == nil; {
		end := p.run(i)
		g := &p.fields[p.records[i].index]
		if g == f {
			own = p.records[i:end]
			i = end
		}
		for ; i < end && err == nil; i++ {
			err = s.checkField(g, p.records[i], p.wire, p.depth, true)
		}
	}
	return own, err
}

// bodyByStock is body by way of the message, unless it costs too much.
func (s *state) bodyByStock(dst []byte, m *message, f *field, b []byte) ([]byte, error) {
	if err := s.budget.Wire(m.typ.Descriptor(), b); err != nil {
		return dst, m.fail(err)
	}
	return s.stock.appendBody(dst, m, f, b)
}

// appendBody is body by way of the message.
func (s *stock) appendBody(dst []byte, m *message, f *field, b []byte) ([]byte, error) {
	decoded, err := s.decode(m, protowire.DefaultRecursionLimit, true, b)
	if err != nil {
		return dst, err
	}
	msg := decoded.ProtoReflect()
	fd := msg.Descriptor().Fields().ByName(f.name.Name())
	switch v := msg.Get(fd); {
	case fd.IsMap():
		return s.appendMap(dst, fd.MapValue(), v.Map())
	case fd.IsList():
		return s.appendList(dst, fd, v.List())
	case fd.Message() != nil:
		return s.appendMessage(dst, v.Message().Interface())
	case fd.Kind() == protoreflect.BytesKind && len(v.Bytes()) == 0 && !(fd.HasPresence() && msg.Has(fd)):
		return s.appendNil(dst), nil
	case fd.HasPresence() && !msg.Has(fd):
		return append(dst, "null"...), nil
	default:
		return s.appendValue(dst, fd, v)
	}
}

// appendNil appends what a nil slice becomes.
func (s *stock) appendNil(dst []byte) []byte {
	if s.marshal.EmitUnpopulated {
		return append(dst, "[]"...)
	}
	return append(dst, "null"...)
}

func (s *stock) appendList(dst []byte, fd protoreflect.FieldDescriptor, l protoreflect.List) (_ []byte, err error) {
	if l.Len() == 0 {
		return s.appendNil(dst), nil
	}
	start := len(dst)
	for i := range l.Len() {
		if dst, err = s.appendValue(append(dst, ','), fd, l.Get(i)); err != nil {
			return dst, err
		}
	}
	dst[start] = '['
	return append(dst, ']'), nil
}

func (s *stock) appendMap(dst []byte, fd protoreflect.FieldDescriptor, m protoreflect.Map) (_ []byte, err error) {
	values := make(map[string]json.RawMessage, m.Len())
	m.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		values[k.String()], err = s.appendValue(nil, fd, v)
		return err == nil
	})
	if err != nil {
		return dst, err
	}
	return appendJSON(dst, values)
}

// appendValue appends one value as grpc-gateway writes values that are not messages.
func (s *stock) appendValue(dst []byte, fd protoreflect.FieldDescriptor, v protoreflect.Value) ([]byte, error) {
	switch {
	case fd.Message() != nil:
		return s.appendMessage(dst, v.Message().Interface())
	case fd.Kind() == protoreflect.BytesKind && v.Bytes() == nil:
		return s.appendNil(dst), nil
	case fd.Enum() == nil || s.marshal.UseEnumNumbers:
		return appendJSON(dst, v.Interface())
	}
	if value := fd.Enum().Values().ByNumber(v.Enum()); value != nil {
		return appendJSON(dst, value.Name())
	}
	return appendJSON(dst, strconv.Itoa(int(v.Enum())))
}

func appendJSON(dst []byte, v any) ([]byte, error) {
	out, err := json.Marshal(v)
	if err != nil {
		return dst, fmt.Errorf("wirejson: %w", err)
	}
	return append(dst, out...), nil
}
