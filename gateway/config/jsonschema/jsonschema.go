// Package jsonschema writes the JSON Schema (draft 2020-12) of a message's YAML
// form, as package config reads it, for editors.
//
// It follows the descriptor: fields become properties, the rules of
// protovalidate become bounds and patterns, comments become descriptions. What a
// schema cannot say, such as rules between fields, is left to the reader of the
// file. Every value may also be a string that names a variable.
package jsonschema

import (
	"encoding/json"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Options says what the descriptor does not.
type Options struct {
	// Title names the schema.
	Title string
	// Blocks are further properties of the schema's root, by their names. Default:
	// none.
	Blocks map[string]protoreflect.MessageDescriptor
	// Comment returns the comment of a message, field or enum value. Default: no
	// descriptions.
	Comment func(protoreflect.Descriptor) string
	// Default returns a field's default. Default: none is shown.
	Default func(protoreflect.FieldDescriptor) (value any, ok bool)
	// Keys returns the keys that a map can have. Default: any, or those that its
	// rules list.
	Keys func(protoreflect.FieldDescriptor) []string
}

// schema is a JSON Schema in the order in which it is read best.
type schema struct {
	Dialect              string             `json:"$schema,omitempty"`
	Title                string             `json:"title,omitempty"`
	Ref                  string             `json:"$ref,omitempty"`
	Description          string             `json:"description,omitempty"`
	Default              any                `json:"default,omitempty"`
	Type                 string             `json:"type,omitempty"`
	Format               string             `json:"format,omitempty"`
	Enum                 []string           `json:"enum,omitempty"`
	Pattern              string             `json:"pattern,omitempty"`
	MinLength            any                `json:"minLength,omitempty"`
	MaxLength            any                `json:"maxLength,omitempty"`
	Minimum              any                `json:"minimum,omitempty"`
	Maximum              any                `json:"maximum,omitempty"`
	MaxItems             any                `json:"maxItems,omitempty"`
	MaxProperties        any                `json:"maxProperties,omitempty"`
	Items                *schema            `json:"items,omitempty"`
	AnyOf                []*schema          `json:"anyOf,omitempty"`
	Required             []string           `json:"required,omitempty"`
	Properties           map[string]*schema `json:"properties,omitempty"`
	PropertyNames        *schema            `json:"propertyNames,omitempty"`
	AdditionalProperties any                `json:"additionalProperties,omitempty"` // a bool or a *schema
	Defs                 map[string]*schema `json:"$defs,omitempty"`
}

// generator collects the definitions of the messages that it meets.
type generator struct {
	Options
	defs map[string]*schema
}

// Generate returns the schema of a message, indented. The same descriptor and
// options always give the same text.
func Generate(md protoreflect.MessageDescriptor, options Options) ([]byte, error) {
	g := &generator{Options: options, defs: map[string]*schema{
		"variable": {Type: "string", Pattern: `\$\{`, Description: "A value with variables of the environment."},
	}}
	root := g.block(md)
	for name, own := range options.Blocks {
		root.Properties[name] = g.reference(own)
	}
	root.Dialect, root.Title, root.Defs = "https://json-schema.org/draft/2020-12/schema", options.Title, g.defs
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(text, '\n'), nil
}

// block is the schema of a message.
func (g *generator) block(md protoreflect.MessageDescriptor) *schema {
	s := &schema{
		Type: "object", Description: g.comment(md),
		Properties: map[string]*schema{}, AdditionalProperties: false,
	}
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		s.Properties[string(fd.Name())] = g.field(fd)
		if rulesOf(fd).GetRequired() {
			s.Required = append(s.Required, string(fd.Name()))
		}
	}
	if isChoice(md) {
		s.MaxProperties = 1
	}
	return s
}

// isChoice tells whether a message is one oneof and nothing else. A field that
// is optional in proto3 is no choice: its oneof is synthetic.
func isChoice(md protoreflect.MessageDescriptor) bool {
	if md.Oneofs().Len() != 1 {
		return false
	}
	only := md.Oneofs().Get(0)
	return !only.IsSynthetic() && only.Fields().Len() == md.Fields().Len()
}

// reference defines a message once and refers to it.
func (g *generator) reference(md protoreflect.MessageDescriptor) *schema {
	name := strings.TrimPrefix(string(md.FullName()), "venta.")
	if g.defs[name] == nil {
		g.defs[name] = &schema{} // so that a message within itself ends
		g.defs[name] = g.block(md)
	}
	return &schema{Ref: "#/$defs/" + name}
}

// field is the schema of a field, with all that is known about it.
func (g *generator) field(fd protoreflect.FieldDescriptor) *schema {
	var s *schema
	rules := rulesOf(fd)
	switch {
	case fd.IsMap():
		s = &schema{Type: "object", AdditionalProperties: g.reference(fd.MapValue().Message())}
		if names := g.keys(fd); names != nil {
			s.PropertyNames = &schema{Enum: names}
		}
		if r := rules.GetMap(); r != nil {
			s.MaxProperties = bound(r.MaxPairs)
		}
	case fd.IsList():
		s = &schema{Type: "array", Items: g.value(fd, rules.GetRepeated().GetItems())}
		if r := rules.GetRepeated(); r != nil {
			s.MaxItems = bound(r.MaxItems)
		}
	default:
		s = g.value(fd, rules)
	}
	s.Description = g.comment(fd)
	if value, ok := g.defaultOf(fd); ok {
		s.Default = value
	}
	return s
}

// value is the schema of one value of a field.
func (g *generator) value(fd protoreflect.FieldDescriptor, rules *validate.FieldRules) *schema {
	s := scalar(fd, rules)
	switch {
	case s == nil:
		return g.reference(fd.Message())
	case s.isAnyText():
		return s
	default:
		alternatives := []*schema{s}
		if countsBytes(fd) {
			alternatives = append(alternatives, &schema{Type: "string", Pattern: "^[0-9]+[KMG]i$"})
		}
		return &schema{AnyOf: append(alternatives, &schema{Ref: "#/$defs/variable"})}
	}
}

func (g *generator) comment(d protoreflect.Descriptor) string {
	if g.Comment == nil {
		return ""
	}
	return g.Comment(d)
}

func (g *generator) defaultOf(fd protoreflect.FieldDescriptor) (any, bool) {
	if g.Default == nil {
		return nil, false
	}
	return g.Default(fd)
}

func (g *generator) keys(fd protoreflect.FieldDescriptor) []string {
	if g.Keys != nil {
		if names := g.Keys(fd); names != nil {
			return names
		}
	}
	return rulesOf(fd).GetMap().GetKeys().GetString().GetIn()
}

func rulesOf(fd protoreflect.FieldDescriptor) *validate.FieldRules {
	rules, _ := proto.GetExtension(fd.Options(), validate.E_Field).(*validate.FieldRules)
	return rules
}

func bound(n *uint64) any {
	if n == nil {
		return nil
	}
	return *n
}

// isAnyText reports whether a variable's text needs no alternative of its own.
func (s *schema) isAnyText() bool {
	return s.Type == "string" && s.Pattern == "" && s.Format == "" && s.Enum == nil
}
