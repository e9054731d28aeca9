package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// environmentPrefix begins the variables that set fields.
const environmentPrefix = "VENTA_"

// serviceLinks are variables that Kubernetes sets for a Service whose name
// begins with "venta".
var serviceLinks = regexp.MustCompile(`_SERVICE_(HOST|PORT(_.+)?)$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$`)

// Setting gives one field a value from outside of the file.
type Setting struct {
	// From is what faults name: a flag such as "--http".
	From string
	// Field is the path of the field, such as "upstreams.vendor".
	Field string
	// Value is the text of the value; a list's values stand between commas.
	// Empty: the setting was not given.
	Value string
}

// fieldsByVariable returns the fields that can be set from outside of the file:
// those with one value and lists of those, by the name of their variable.
func fieldsByVariable(path string, md protoreflect.MessageDescriptor, into map[string]string) map[string]string {
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		at := child(path, string(fd.Name()))
		switch {
		case fd.IsMap():
		case isScalar(fd):
			into[environmentPrefix+strings.ToUpper(strings.ReplaceAll(at, ".", "_"))] = at
		case !fd.IsList():
			fieldsByVariable(at, fd.Message(), into)
		}
	}
	return into
}

// fromEnvironment returns the settings of variables such as "VENTA_HTTP=:80".
// A variable that no field belongs to is a fault: it is most likely misspelt, and
// what it should have set would silently not be set.
func fromEnvironment(environ []string, md protoreflect.MessageDescriptor) ([]Setting, Faults) {
	fields := fieldsByVariable("", md, map[string]string{})
	var settings []Setting
	var faults Faults
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		field, known := fields[name]
		switch {
		case !strings.HasPrefix(name, environmentPrefix) || value == "":
		case known:
			settings = append(settings, Setting{From: name, Field: field, Value: value})
		case !serviceLinks.MatchString(name):
			message := "no field belongs to this variable" + suggest(name, slices.Sorted(maps.Keys(fields)))
			faults = append(faults, Fault{Source: Source{Name: name}, Message: message})
		}
	}
	return settings, faults
}

func lookupIn(environ []string) lookup {
	values := make(map[string]string, len(environ))
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		values[name] = value
	}
	return func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
}

// apply lays a setting over the message.
func (d *decoder) apply(s Setting, into protoreflect.Message) {
	if s.Value == "" {
		return
	}
	source := Source{Name: s.From}
	d.origins[s.Field] = origin{Source: source}
	names := strings.Split(s.Field, ".")
	for _, name := range names[:len(names)-1] {
		into = into.Mutable(into.Descriptor().Fields().ByName(protoreflect.Name(name))).Message()
	}
	fd := into.Descriptor().Fields().ByName(protoreflect.Name(names[len(names)-1]))
	if fd.IsList() {
		d.applyList(s, fd, into)
		return
	}
	value, err := parse(fd, s.Value)
	if err != nil {
		d.faults = append(d.faults, Fault{source, s.Field, err.Error() + shown(fd, s.Value, false)})
		return
	}
	into.Set(fd, value)
}

func (d *decoder) applyList(s Setting, fd protoreflect.FieldDescriptor, into protoreflect.Message) {
	into.Clear(fd)
	list := into.Mutable(fd).List()
	for i, text := range strings.Split(s.Value, ",") {
		text = strings.TrimSpace(text)
		value, err := parse(fd, text)
		if err != nil {
			d.faults = append(d.faults, Fault{Source{Name: s.From}, fmt.Sprintf("%s[%d]", s.Field, i), err.Error() + shown(fd, text, false)})
			continue
		}
		list.Append(value)
	}
}
