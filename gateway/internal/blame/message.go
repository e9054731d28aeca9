package blame

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// deepest is how many messages within each other every implementation of protobuf
// reads, unless it is told otherwise.
const deepest = 100

// unreadable reports whether a request cannot be encoded, or is nested deeper than
// upstreams read.
func (c Conn) unreadable(request any) bool {
	m, ok := request.(proto.Message)
	if !ok || !c.Encodes {
		return false
	}
	if deeper(m.ProtoReflect(), deepest) {
		return true
	}
	_, err := proto.Marshal(m)
	return err != nil
}

// deeper reports whether messages stand within m deeper than levels.
func deeper(m protoreflect.Message, levels int) bool {
	if levels < 0 {
		return true
	}
	found := false
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		found = anyDeeper(fd, v, levels-1)
		return !found
	})
	return found
}

func anyDeeper(fd protoreflect.FieldDescriptor, v protoreflect.Value, levels int) bool {
	switch {
	case fd.IsMap():
		if fd.MapValue().Message() == nil {
			return false
		}
		found := false
		v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
			found = deeper(v.Message(), levels-1) // an entry is a message, too
			return !found
		})
		return found
	case fd.Message() == nil:
		return false
	case fd.IsList():
		for i := range v.List().Len() {
			if deeper(v.List().Get(i).Message(), levels) {
				return true
			}
		}
		return false
	}
	return deeper(v.Message(), levels)
}
