package resolve

import (
	"cmp"
	"slices"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/venta-hq/venta/gateway/policy/annotation"
)

// linesOf collects where the policies of a file are written.
type linesOf struct {
	elements []Element
}

// add notes the blocks that hold for an RPC. A compiler that tells no positions
// leaves them out.
func (l *linesOf) add(r *resolver, s scope, method *protogen.Method) {
	service := string(method.Parent.Desc.Name())
	names := map[annotation.Level]string{
		annotation.File:    "",
		annotation.Service: service,
		annotation.Method:  service + "." + string(method.Desc.Name()),
	}
	for _, level := range []annotation.Level{annotation.File, annotation.Service, annotation.Method} {
		element := l.element(names[level])
		for _, name := range s.merged.Blocks() {
			at := r.source.within(s.annotations[level], fieldNumbers(name)...)
			block := Block{name, at.line}
			if s.merged.Level(name) == level && at.line > 0 && !slices.Contains(element.Blocks, block) {
				element.Blocks = append(element.Blocks, block)
			}
		}
	}
}

// element returns the element of a name, which may be new.
func (l *linesOf) element(name string) *Element {
	i := slices.IndexFunc(l.elements, func(e Element) bool { return e.Name == name })
	if i < 0 {
		i, l.elements = len(l.elements), append(l.elements, Element{Name: name})
	}
	return &l.elements[i]
}

// all returns the elements with blocks, which are in the order of the schema.
func (l *linesOf) all() []Element {
	found := slices.DeleteFunc(l.elements, func(e Element) bool { return len(e.Blocks) == 0 })
	for _, e := range found {
		slices.SortStableFunc(e.Blocks, func(a, b Block) int { return cmp.Compare(a.Line, b.Line) })
	}
	return found
}
