package wirejson

import (
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// enum holds the quoted names of an enum's values.
type enum struct {
	dense  []string // by number; "" is unknown
	sparse map[int32]string
	first  uint64 // the default, as bits on the wire
}

// newEnum compiles ed. Of several names of one number the first one counts.
func newEnum(ed protoreflect.EnumDescriptor, numbers bool) *enum {
	values := ed.Values()
	e := &enum{sparse: map[int32]string{}, first: uint64(uint32(values.Get(0).Number()))}
	for i := range values.Len() {
		if numbers {
			break
		}
		number := int32(values.Get(i).Number())
		if e.name(number) == "" {
			name, _ := appendString(nil, []byte(values.Get(i).Name()))
			e.add(number, string(name))
		}
	}
	return e
}

func (e *enum) add(number int32, name string) {
	if number < 0 || number >= denseLimit {
		e.sparse[number] = name
		return
	}
	for len(e.dense) <= int(number) {
		e.dense = append(e.dense, "")
	}
	e.dense[number] = name
}

func (e *enum) name(number int32) string {
	if uint32(number) < uint32(len(e.dense)) {
		return e.dense[number]
	}
	return e.sparse[number]
}

// append writes a value's name, or its number when it has none.
func (e *enum) append(dst []byte, number int32) []byte {
	if name := e.name(number); name != "" {
		return append(dst, name...)
	}
	return strconv.AppendInt(dst, int64(number), 10)
}
