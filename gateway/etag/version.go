package etag

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// wired is a response that is there as it came.
type wired interface{ Wire() []byte }

// versionOf returns the version of a response, "" where it has none. One that is
// not decoded stays so.
func (c *Conditions) versionOf(response proto.Message) string {
	if w, ok := response.(wired); ok {
		return string(find(w.Wire(), c.numbers))
	}
	m, last := response.ProtoReflect(), len(c.Field)-1
	for _, field := range c.Field[:last] {
		m = m.Get(field).Message()
	}
	return m.Get(c.Field[last]).String()
}

// find returns the value at a path of fields in a message's wire bytes. Of several
// the last counts, as where they are merged. Bytes that are no message have none.
func find(wire []byte, path []protoreflect.FieldNumber) (value []byte) {
	if len(path) == 0 {
		return nil
	}
	first, rest := path[0], path[1:]
	for len(wire) > 0 {
		number, kind, n := protowire.ConsumeTag(wire)
		if n < 0 {
			return nil
		}
		wire = wire[n:]
		size := protowire.ConsumeFieldValue(number, kind, wire)
		if size < 0 {
			return nil
		}
		if number == first && kind == protowire.BytesType {
			inner, _ := protowire.ConsumeBytes(wire)
			if len(rest) > 0 {
				inner = find(inner, rest)
			}
			if inner != nil {
				value = inner
			}
		}
		wire = wire[size:]
	}
	return value
}
