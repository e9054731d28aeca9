package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// decoder lays a YAML document over a message. What a file leaves out stays.
// Nothing that it reports repeats the document's values: a line of a
// configuration may hold a secret.
type decoder struct {
	file       string
	env        lookup
	origins    origins
	program    *program
	extensions map[string]block // what stands beside the fields of the root
	faults     Faults
}

// decode reads the one document of text.
func (d *decoder) decode(text []byte, into protoreflect.Message) {
	documents := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	err := documents.Decode(&document)
	if errors.Is(err, io.EOF) {
		return // nothing but comments
	}
	if err == nil {
		if err = documents.Decode(&second); err == nil {
			d.fault("", &second, "a second document; one file holds one configuration, remove the line \"---\"")
		} else if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err != nil {
		d.syntax(err)
		return
	}
	if root := document.Content[0]; !isNull(root) {
		d.origins[""] = origin{Source: d.at(root)}
		d.message("", root, into)
	}
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// syntax reports what is no YAML. The parser's texts hold nothing of the file
// but the names of anchors.
func (d *decoder) syntax(err error) {
	source, message := Source{Name: d.file}, err.Error()
	if parts := yamlLine.FindStringSubmatch(message); parts != nil {
		source.Line, _ = strconv.Atoi(parts[1]) // "" is no line
		source.Column, message = min(source.Line, 1), parts[2]
	}
	if strings.Contains(message, "anchor") {
		message = "an alias without an anchor; put a value that begins with * or & in quotes"
	}
	d.faults = append(d.faults, Fault{Source: source, Message: "not YAML: " + message})
}

func (d *decoder) at(n *yaml.Node) Source {
	return Source{Name: d.file, Line: n.Line, Column: n.Column}
}

func (d *decoder) fault(path string, n *yaml.Node, message string) {
	d.faults = append(d.faults, Fault{Source: d.at(n), Field: path, Message: message})
}

// message reads a block of fields.
func (d *decoder) message(path string, n *yaml.Node, into protoreflect.Message) {
	if !d.isKind(path, n, yaml.MappingNode, "a block of fields") {
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if own, ok := d.extension(path, key); ok {
			if d.isFirst(path, key, seen) {
				d.extended(own, key, value)
			}
			continue
		}
		if fd := d.find(path, key, into.Descriptor()); fd != nil && d.isFirst(path, key, seen) {
			d.field(child(path, key.Value), key, value, fd, into)
		}
	}
}

// extension returns the block of the program that a key of the root names.
func (d *decoder) extension(path string, key *yaml.Node) (own block, ok bool) {
	if path != "" || key.Kind != yaml.ScalarNode {
		return block{}, false
	}
	own, ok = d.extensions[key.Value]
	return own, ok
}

// extended reads a block of the program.
func (d *decoder) extended(own block, key, n *yaml.Node) {
	if isNull(n) {
		d.fault(own.path, key, noValue)
		return
	}
	d.origins[own.path] = origin{Source: d.at(key)}
	d.message(own.path, n, own.message)
}

func (d *decoder) find(path string, key *yaml.Node, md protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	fd := md.Fields().ByName(protoreflect.Name(key.Value))
	if fd == nil || key.Kind != yaml.ScalarNode {
		d.fault(path, key, fmt.Sprintf("unknown field %q%s", shortened(key.Value), suggest(key.Value, d.known(path, md))))
		return nil
	}
	return fd
}

// known are the fields that a block can have.
func (d *decoder) known(path string, md protoreflect.MessageDescriptor) []string {
	var known []string
	for i := range md.Fields().Len() {
		known = append(known, string(md.Fields().Get(i).Name()))
	}
	if path == "" {
		known = append(known, slices.Sorted(maps.Keys(d.extensions))...)
	}
	return known
}

const noValue = "has no value; give it one, or remove the line"

func (d *decoder) isFirst(path string, key *yaml.Node, seen map[string]bool) bool {
	if seen[key.Value] {
		d.fault(child(path, shortened(key.Value)), key, "given twice; keep one of the two")
		return false
	}
	seen[key.Value] = true
	return true
}

// field reads the value of one field.
func (d *decoder) field(path string, key, n *yaml.Node, fd protoreflect.FieldDescriptor, into protoreflect.Message) {
	if isNull(n) {
		d.fault(path, key, noValue)
		return
	}
	if one := fd.ContainingOneof(); one != nil && !one.IsSynthetic() && into.WhichOneof(one) != nil {
		d.fault(path, key, fmt.Sprintf("given beside %s; keep one of the two", into.WhichOneof(one).Name()))
		return
	}
	d.origins[path] = origin{Source: d.at(key)}
	switch {
	case fd.IsMap():
		d.entries(path, n, fd, into)
	case fd.IsList():
		d.list(path, n, fd, into)
	case isScalar(fd):
		if value, ok := d.scalar(path, n, fd); ok {
			into.Set(fd, value)
		}
	default:
		d.message(path, n, into.Mutable(fd).Message())
	}
}

// list reads a list, which replaces the one that was there.
func (d *decoder) list(path string, n *yaml.Node, fd protoreflect.FieldDescriptor, into protoreflect.Message) {
	if !d.isKind(path, n, yaml.SequenceNode, "a list") {
		return
	}
	into.Clear(fd)
	list := into.Mutable(fd).List()
	for i, entry := range n.Content {
		each := item(path, i)
		d.origins[each] = origin{Source: d.at(entry)}
		value := list.NewElement()
		if isScalar(fd) {
			if read, ok := d.scalar(each, entry, fd); ok {
				value = read
			}
		} else {
			d.message(each, entry, value.Message())
		}
		list.Append(value) // the wrong ones too, so that indices stay
	}
}

// entries reads a map from names to blocks.
func (d *decoder) entries(path string, n *yaml.Node, fd protoreflect.FieldDescriptor, into protoreflect.Message) {
	if !d.isKind(path, n, yaml.MappingNode, "a block of names") {
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if !d.isName(path, key, fd) || !d.isFirst(path, key, seen) {
			continue
		}
		each := child(path, key.Value)
		if isNull(value) {
			d.fault(each, key, noValue)
			continue
		}
		if isUpstreams(fd) && !d.isUpstream(each, key, value) {
			continue
		}
		d.origins[each] = origin{Source: d.at(key)}
		d.message(each, value, into.Mutable(fd).Map().Mutable(keyOf(key.Value)).Message())
	}
}

var mapKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// isName reports a key that cannot be part of a path. The names of upstreams are
// the program's, and known.
func (d *decoder) isName(path string, key *yaml.Node, fd protoreflect.FieldDescriptor) bool {
	if key.Kind == yaml.ScalarNode && (isUpstreams(fd) || mapKey.MatchString(key.Value)) {
		return true
	}
	d.fault(path, key, "a name has 1 to 64 letters, digits, _ and -")
	return false
}

// scalar reads one value, its variables replaced.
func (d *decoder) scalar(path string, n *yaml.Node, fd protoreflect.FieldDescriptor) (protoreflect.Value, bool) {
	if isNull(n) {
		d.fault(path, n, "has no value; give it one, or remove it")
		return protoreflect.Value{}, false
	}
	if !d.isKind(path, n, yaml.ScalarNode, "one value") {
		return protoreflect.Value{}, false
	}
	text, variable, err := expand(n.Value, d.env)
	d.origins[path] = origin{d.at(n), variable}
	if err != nil {
		d.fault(path, n, err.Error())
		return protoreflect.Value{}, false
	}
	value, err := parse(fd, text)
	if err != nil {
		d.fault(path, n, err.Error()+shown(fd, text, variable))
		return protoreflect.Value{}, false
	}
	return value, true
}

func (d *decoder) isKind(path string, n *yaml.Node, want yaml.Kind, what string) bool {
	switch n.Kind {
	case want:
		return true
	case yaml.AliasNode:
		d.fault(path, n, "an alias (*); aliases are not read, write the value out, or in quotes if it begins with *")
	default:
		d.fault(path, n, "must be "+what)
	}
	return false
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }
