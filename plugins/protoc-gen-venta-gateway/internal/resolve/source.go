package resolve

import (
	"slices"

	"google.golang.org/protobuf/compiler/protogen"
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

func newSource(file *protogen.File) source {
	return source{file: file.Desc.Path(), locations: file.Proto.GetSourceCodeInfo().GetLocation()}
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
