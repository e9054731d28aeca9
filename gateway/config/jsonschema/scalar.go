package jsonschema

import (
	"regexp"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// The patterns of what JSON has no type for.
const (
	durationPattern = `^[+-]?(([0-9]+([.][0-9]*)?|[.][0-9]+)(ns|us|µs|ms|s|m|h))+$`
	addressPattern  = `:[0-9]{1,5}$`
)

// scalar is the schema of a field without fields of its own, else nil.
func scalar(fd protoreflect.FieldDescriptor, rules *validate.FieldRules) *schema {
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return &schema{Type: "boolean"}
	case protoreflect.Int32Kind, protoreflect.Int64Kind:
		return bounded(&schema{Type: "integer"}, rules)
	case protoreflect.DoubleKind:
		return bounded(&schema{Type: "number"}, rules)
	case protoreflect.EnumKind:
		return &schema{Enum: enumNames(fd.Enum())}
	case protoreflect.StringKind:
		return text(rules)
	case protoreflect.MessageKind, protoreflect.GroupKind:
		if fd.Message().FullName() == "google.protobuf.Duration" {
			return &schema{Type: "string", Pattern: durationPattern}
		}
		return nil
	default:
		return &schema{} // what package config does not read
	}
}

// bounded adds the bounds of a number's rules, whatever its type.
func bounded(s *schema, rules *validate.FieldRules) *schema {
	rules.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if oneof := fd.ContainingOneof(); oneof == nil || oneof.Name() != "type" {
			return true
		}
		numeric := value.Message()
		for name, into := range map[protoreflect.Name]*any{"gte": &s.Minimum, "lte": &s.Maximum} {
			if rule := numeric.Descriptor().Fields().ByName(name); rule != nil && numeric.Has(rule) {
				*into = numeric.Get(rule).Interface()
			}
		}
		return true
	})
	return s
}

var matches = regexp.MustCompile(`this\.matches\('([^']+)'\)`)

func text(rules *validate.FieldRules) *schema {
	r := rules.GetString()
	s := &schema{Type: "string", Pattern: r.GetPattern(), Enum: r.GetIn()}
	if r != nil {
		s.MinLength, s.MaxLength = bound(r.MinLen), bound(r.MaxLen)
	}
	if r.GetUri() {
		s.Format = "uri"
	}
	for _, rule := range rules.GetCel() {
		if found := matches.FindStringSubmatch(rule.GetExpression()); found != nil {
			s.Pattern = strings.ReplaceAll(found[1], `\\`, `\`) // as CEL writes it
		}
		if strings.Contains(rule.GetExpression(), "isHostAndPort") {
			s.Pattern = addressPattern
			if strings.Contains(rule.GetExpression(), "this == ''") {
				s.Pattern = "^$|" + addressPattern
			}
		}
	}
	return s
}

// enumNames lists each value by its short name and by its full one; none for
// the value that stands for an absent field.
func enumNames(enum protoreflect.EnumDescriptor) []string {
	var short, full []string
	prefix, prefixed := strings.CutSuffix(string(enum.Values().Get(0).Name()), "UNSPECIFIED")
	for i := range enum.Values().Len() {
		name := string(enum.Values().Get(i).Name())
		if i == 0 && prefixed {
			continue
		}
		if prefixed {
			short = append(short, strings.ToLower(strings.TrimPrefix(name, prefix)))
		} else {
			short = append(short, strings.ToLower(name))
		}
		full = append(full, name)
	}
	return append(short, full...)
}

func countsBytes(fd protoreflect.FieldDescriptor) bool {
	return fd.Kind() == protoreflect.Int64Kind && strings.HasSuffix(string(fd.Name()), "_bytes")
}
