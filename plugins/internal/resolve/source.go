package resolve

import (
	"slices"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// position is a place in a schema file, counted from 1. Line 0 is unknown.
type position struct {
	file         string
	line, column int
}

func (p position) before(q position) bool {
	return p.line < q.line || p.line == q.line && p.column < q.column
}

// source knows where things stand in a schema file.
type source struct {
	file      string
	locations []*descriptorpb.SourceCodeInfo_Location
}

func newSource(file *protogen.File, name func(path string) string) source {
	s := source{file: file.Desc.Path(), locations: file.Proto.GetSourceCodeInfo().GetLocation()}
	if name != nil {
		s.file = name(s.file)
	}
	return s
}

// place is where an option's value stands in the descriptor, and what it holds; nil
// holds nothing.
type place struct {
	path    []int32
	message protoreflect.Message
}

// within returns where a part of an option's value stands.
func (s source) within(p place, inner ...int32) position {
	return s.position(join(p.path, s.told(p, inner)...))
}

// told cuts a path off at the first list whose entries the compiler does not tell
// one by one. buf counts the statements of a list, of which one can hold many
// entries (tags: ["a", "b"]): with fewer of them than entries, an entry's number
// would lead to another entry.
func (s source) told(p place, inner []int32) []int32 {
	message := p.message
	for at := 0; at < len(inner) && message != nil; at++ {
		field := message.Descriptor().Fields().ByNumber(protoreflect.FieldNumber(inner[at]))
		switch {
		case field == nil || at+1 == len(inner):
			return inner
		case !field.IsList():
			message = inMessage(field, message.Get(field))
			continue
		}
		list := message.Get(field).List()
		at++
		if int(inner[at]) >= list.Len() || s.entries(join(p.path, inner[:at]...)) < list.Len() {
			return inner[:at]
		}
		message = inMessage(field, list.Get(int(inner[at])))
	}
	return inner
}

func inMessage(field protoreflect.FieldDescriptor, value protoreflect.Value) protoreflect.Message {
	if field.Message() == nil {
		return nil
	}
	return value.Message()
}

// entries returns of how many of a list's entries something is known.
func (s source) entries(list []int32) int {
	known := map[int32]bool{}
	for _, location := range s.locations {
		if path := location.GetPath(); len(path) > len(list) && slices.Equal(path[:len(list)], list) {
			known[path[len(list)]] = true
		}
	}
	return len(known)
}

// position returns where the element of a descriptor path stands, or else the
// closest that is known of it.
//
// Compilers differ in what they tell of an option's value: protoc knows the
// statement alone, buf also the values inside, but not each message around
// them. Hence, from the path upwards: the element, or else the first that is
// known inside of it, or else what encloses it.
func (s source) position(path []int32) position {
	for ; len(path) > 0; path = path[:len(path)-1] {
		if found, ok := s.exactly(path); ok {
			return found
		}
		if found, ok := s.inside(path); ok {
			return found
		}
	}
	return position{file: s.file}
}

func (s source) exactly(path []int32) (position, bool) {
	for _, location := range s.locations {
		if slices.Equal(location.GetPath(), path) {
			return s.start(location), true
		}
	}
	return position{}, false
}

// inside returns the first position of what the path leads into.
func (s source) inside(path []int32) (position, bool) {
	var first position
	found := false
	for _, location := range s.locations {
		inner := location.GetPath()
		if len(inner) <= len(path) || !slices.Equal(inner[:len(path)], path) {
			continue
		}
		if start := s.start(location); !found || start.before(first) {
			first, found = start, true
		}
	}
	return first, found
}

func (s source) start(location *descriptorpb.SourceCodeInfo_Location) position {
	span := location.GetSpan() // line and column of the start, counted from 0
	if len(span) < 2 {
		return position{file: s.file}
	}
	return position{file: s.file, line: int(span[0]) + 1, column: int(span[1]) + 1}
}
