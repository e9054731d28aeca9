package config

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// CheckOverride holds an override that stands in no file to what one of a file is held to.
// The error is a [Faults] without sources.
func CheckOverride(o *configv1.PolicyOverride) error {
	rules, err := validator()
	if err != nil {
		return err
	}
	d := &decoder{origins: origins{}}
	if err := d.violations(rules.Validate(o), ""); err != nil {
		return err
	}
	d.checkOverride(o, "")
	return d.faults.sorted()
}

// OverrideYAML writes an override as an entry of the list "overrides" in a file. What is
// loaded of it is equal.
func OverrideYAML(o *configv1.PolicyOverride) (string, error) {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	list := &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{nodeOf(o.ProtoReflect())}}
	document := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{textNode("overrides"), list}}
	if err := encoder.Encode(document); err != nil {
		return "", fmt.Errorf("writing an override: %w", err)
	}
	_, entry, _ := strings.Cut(out.String(), "\n")
	return entry, nil
}

// nodeOf writes a message with the fields that it has. One that fits is a line.
func nodeOf(m protoreflect.Message) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	for i := range m.Descriptor().Fields().Len() {
		fd := m.Descriptor().Fields().Get(i)
		if !m.Has(fd) {
			continue
		}
		if messageOf(fd) != nil {
			n.Style = 0
		}
		n.Content = append(n.Content, textNode(string(fd.Name())), valueNode(fd, m.Get(fd)))
	}
	if m.Descriptor() == (&configv1.PolicyOverride{}).ProtoReflect().Descriptor() {
		n.Style = 0
	}
	return n
}

func valueNode(fd protoreflect.FieldDescriptor, value protoreflect.Value) *yaml.Node {
	if !fd.IsList() {
		return oneNode(fd, value)
	}
	list := &yaml.Node{Kind: yaml.SequenceNode}
	if isScalar(fd) {
		list.Style = yaml.FlowStyle
	}
	for i := range value.List().Len() {
		list.Content = append(list.Content, oneNode(fd, value.List().Get(i)))
	}
	return list
}

func oneNode(fd protoreflect.FieldDescriptor, value protoreflect.Value) *yaml.Node {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return textNode(value.String())
	case protoreflect.EnumKind:
		if found := fd.Enum().Values().ByNumber(value.Enum()); found != nil {
			return textNode(shortName(fd.Enum(), found))
		}
		return textNode(value.String())
	case protoreflect.MessageKind:
		if d, ok := value.Message().Interface().(*durationpb.Duration); ok {
			return textNode(briefly(d.AsDuration()))
		}
		return nodeOf(value.Message())
	case protoreflect.DoubleKind:
		return wordNode(strconv.FormatFloat(value.Float(), 'g', -1, 64))
	default:
		return wordNode(value.String())
	}
}

// textNode is a text that is read as it is: no variable is looked for in it.
func textNode(text string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: strings.ReplaceAll(text, "${", "$${")}
	if strings.ContainsAny(text, "\n\r\t") || text == "" {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// wordNode is a number, or true or false.
func wordNode(text string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: text} }
