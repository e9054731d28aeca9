package transcode

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/transcode/httprule"
	"github.com/venta-hq/venta/gateway/transcode/router"
)

// pathBinder binds the variables of a path.
type pathBinder struct {
	fields    map[string]pathField // by the name in the template
	separator string
	dropIn    bool
}

// pathField is where a variable leads. The zero value leaves the way to
// grpc-gateway's runtime.
type pathField struct {
	way     []protoreflect.FieldDescriptor // the messages around the field
	field   protoreflect.FieldDescriptor
	convert converter
	text    *goField // of a plain string, which needs no reflection; else nil
}

func newPathBinder(request proto.Message, t *httprule.Template, o ServiceOptions, dropIn bool) pathBinder {
	b := pathBinder{fields: map[string]pathField{}, separator: o.PathSeparator, dropIn: dropIn}
	if b.separator == "" {
		b.separator = ","
	}
	for _, v := range t.Variables() {
		f := newPathField(descriptor(request), v.FieldPath, dropIn)
		if f.isText() {
			f.text = findGoField(request, f.field)
		}
		b.fields[v.FieldPath] = f
	}
	return b
}

// isText reports whether the field is a string of the message itself, which is
// set by being not empty.
func (f pathField) isText() bool {
	return f.field != nil && len(f.way) == 0 &&
		f.field.Kind() == protoreflect.StringKind && !f.field.IsList() && !f.field.HasPresence()
}

func newPathField(md protoreflect.MessageDescriptor, path string, dropIn bool) pathField {
	names := strings.Split(path, ".")
	var f pathField
	for i, name := range names {
		field := md.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			return pathField{}
		}
		if i == 0 && len(names) > 1 && dropIn && !isProto2(field) {
			return pathField{} // what generated handlers do with nested fields
		}
		if i == len(names)-1 {
			f.field = field
			break
		}
		if md = field.Message(); md == nil || field.IsList() || field.IsMap() {
			return pathField{}
		}
		f.way = append(f.way, field)
	}
	if f.convert = converterOf(f.field); f.convert == nil {
		return pathField{}
	}
	return f
}

func isProto2(fd protoreflect.FieldDescriptor) bool {
	return fd.ParentFile().Syntax() == protoreflect.Proto2
}

// bind sets the fields of a message that the path has values for.
func (b pathBinder) bind(m proto.Message, params []router.Param) error {
	for _, p := range params {
		f := b.fields[p.FieldPath]
		var err error
		switch {
		case !b.dropIn && !utf8.ValidString(p.Value):
			err = errNotUTF8
		case f.field == nil:
			err = runtime.PopulateFieldFromPath(m, p.FieldPath, p.Value)
		case f.text != nil:
			*f.text.pointer(m).(*string) = p.Value
		default:
			err = f.set(m.ProtoReflect(), p.Value, b.separator)
		}
		if err != nil {
			return fmt.Errorf("type mismatch, parameter: %s, error: %w", p.FieldPath, err)
		}
	}
	return nil
}

// errNotUTF8 is the client's fault. Where it is not found, the upstream's codec
// finds it, as an INTERNAL error.
var errNotUTF8 = errors.New("not valid UTF-8")

func (f pathField) set(m protoreflect.Message, text, separator string) error {
	for _, field := range f.way {
		if err := checkOneof(m, field); err != nil {
			return err
		}
		m = m.Mutable(field).Message()
	}
	if err := checkOneof(m, f.field); err != nil {
		return err
	}
	if f.field.IsList() {
		return f.setList(m, strings.Split(text, separator))
	}
	value, err := f.convert(text)
	if err != nil {
		return err
	}
	m.Set(f.field, value)
	return nil
}

func (f pathField) setList(m protoreflect.Message, texts []string) error {
	list := m.NewField(f.field)
	for _, text := range texts {
		value, err := f.convert(text)
		if err != nil {
			return err
		}
		list.List().Append(value)
	}
	m.Set(f.field, list)
	return nil
}

// checkOneof refuses to replace another member of a oneof, which the body set.
func checkOneof(m protoreflect.Message, field protoreflect.FieldDescriptor) error {
	oneof := field.ContainingOneof()
	if oneof == nil {
		return nil
	}
	if set := m.WhichOneof(oneof); set != nil && set.Number() != field.Number() {
		return fmt.Errorf("%s is already set in oneof %s", set.Name(), oneof.Name())
	}
	return nil
}
