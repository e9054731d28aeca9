package config

import (
	_ "embed" // the comments
	"encoding/json"
	"fmt"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/config/jsonschema"
)

// comments are those of the core's messages and fields, by their full names:
// they are not compiled in.
//
//go:embed comments.json
var comments []byte

// JSONSchema returns the JSON Schema (draft 2020-12) of the program's
// configuration files, for editors. Fields of extensions have no descriptions.
// The error is for the programmer.
func JSONSchema(o Options) (string, error) {
	p, err := newProgram(o)
	if err != nil {
		return "", err
	}
	l := newLoaded(p)
	if err := l.setDefaults(p); err != nil {
		return "", err
	}
	descriptions := map[protoreflect.FullName]string{}
	if err := json.Unmarshal(comments, &descriptions); err != nil {
		return "", fmt.Errorf("config: comments.json: %w", err)
	}
	defaults := map[protoreflect.FullName]any{}
	for _, b := range l.blocks() {
		collectDefaults(b.message, defaults)
	}
	collectDefaults(l.Upstream(defaultUpstream).ProtoReflect(), defaults)
	text, err := jsonschema.Generate(coreFields, jsonschema.Options{
		Title:   "Configuration of a Venta gateway",
		Blocks:  l.descriptors(),
		Comment: func(d protoreflect.Descriptor) string { return descriptions[d.FullName()] },
		Default: func(fd protoreflect.FieldDescriptor) (any, bool) {
			value, ok := defaults[fd.FullName()]
			return value, ok
		},
		Keys: func(fd protoreflect.FieldDescriptor) []string {
			if isUpstreams(fd) {
				return append([]string{defaultUpstream}, slices.Clone(p.names)...)
			}
			return nil
		},
	})
	return string(text), err
}

// descriptors returns the types of the extensions.
func (l *Loaded) descriptors() map[string]protoreflect.MessageDescriptor {
	types := map[string]protoreflect.MessageDescriptor{}
	for name, own := range l.extensions {
		types[name] = own.message.Descriptor()
	}
	return types
}

// collectDefaults collects what is set, as it is written in YAML.
func collectDefaults(m protoreflect.Message, into map[protoreflect.FullName]any) {
	for i := range m.Descriptor().Fields().Len() {
		fd := m.Descriptor().Fields().Get(i)
		value := m.Get(fd)
		switch {
		case fd.IsMap() || fd.Message() != nil && !m.Has(fd):
		case fd.IsList():
			into[fd.FullName()] = []any{}
		case fd.Kind() == protoreflect.EnumKind:
			into[fd.FullName()] = shortName(fd.Enum(), fd.Enum().Values().ByNumber(value.Enum()))
		case fd.Message() == nil:
			into[fd.FullName()] = value.Interface()
		case isScalar(fd):
			into[fd.FullName()] = word(fd, value)
		default:
			collectDefaults(value.Message(), into)
		}
	}
}
