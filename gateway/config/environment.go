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
	// Field is the path of the field, such as "redis.db" or
	// "upstreams.orders.target".
	Field string
	// Value is the text of the value; a list's values stand between commas.
	// Empty: the setting was not given.
	Value string
}

// fieldsByVariable calls add with each field that can be set from outside of the
// file, one with a single value or a list of those, and with its variable.
func fieldsByVariable(path string, md protoreflect.MessageDescriptor, add func(variable, field string)) {
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		at := child(path, string(fd.Name()))
		switch {
		case fd.IsMap():
		case isScalar(fd):
			add(variableOf(at), at)
		case !fd.IsList():
			fieldsByVariable(at, fd.Message(), add)
		}
	}
}

var underscored = strings.NewReplacer(".", "_", "-", "_")

// variableOf is the variable of a field: VENTA_UPSTREAMS_MY_ORDERS_TARGET for
// upstreams.my-orders.target.
func variableOf(path string) string {
	return environmentPrefix + strings.ToUpper(underscored.Replace(path))
}

// fromEnvironment returns the settings of variables such as "VENTA_HTTP=:80".
// A variable that no field belongs to is a fault: it is most likely misspelt, and
// what it should have set would silently not be set.
func (d *decoder) fromEnvironment(environ []string) []Setting {
	fields := d.program.variables
	var settings []Setting
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		field, known := fields[name]
		switch {
		case !strings.HasPrefix(name, environmentPrefix) || value == "":
		case known:
			settings = append(settings, Setting{From: name, Field: field, Value: value})
		case !serviceLinks.MatchString(name):
			message := "no field belongs to this variable" + suggest(name, slices.Sorted(maps.Keys(fields)))
			if moved := d.program.moved(name); moved != "" {
				message = "has moved; write " + moved
			}
			d.faults = append(d.faults, Fault{Source: Source{Name: name}, Message: message})
		}
	}
	return settings
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

// apply lays a setting over the core's message or the program's blocks.
func (d *decoder) apply(s Setting, core protoreflect.Message) {
	if s.Value == "" {
		return
	}
	source := Source{Name: s.From}
	into, fd, err := d.target(s.Field, core)
	if err != nil {
		d.faults = append(d.faults, Fault{source, "", err.Error()})
		return
	}
	d.origins[s.Field] = origin{Source: source}
	d.noteBlocks(s.Field, source)
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

// noteBlocks remembers who made the blocks around a field that stand nowhere
// else, so that what is wrong with them has a place.
func (d *decoder) noteBlocks(field string, source Source) {
	for i := strings.LastIndexByte(field, '.'); i > 0; i = strings.LastIndexByte(field[:i], '.') {
		if _, ok := d.origins[field[:i]]; !ok {
			d.origins[field[:i]] = origin{Source: source}
		}
	}
}

// target returns the field that a setting sets, and the message that holds it.
func (d *decoder) target(path string, core protoreflect.Message) (protoreflect.Message, protoreflect.FieldDescriptor, error) {
	into, rest := core, path
	if name, inside, _ := strings.Cut(path, "."); inside != "" {
		if own, ok := d.extensions[name]; ok {
			into, rest = own.message, inside
		}
	}
	for {
		name, inside, nested := strings.Cut(rest, ".")
		fd := into.Descriptor().Fields().ByName(protoreflect.Name(name))
		switch {
		case fd == nil || fd.IsMap() && !isUpstreams(fd) || nested == isScalar(fd):
			return nil, nil, fmt.Errorf("there is no field %s that takes a value", shortened(path))
		case !nested:
			return into, fd, nil
		case isUpstreams(fd):
			upstream, inside, err := d.cutUpstream(inside)
			if err != nil {
				return nil, nil, err
			}
			into, rest = into.Mutable(fd).Map().Mutable(keyOf(upstream)).Message(), inside
		default:
			into, rest = into.Mutable(fd).Message(), inside
		}
	}
}

func (d *decoder) applyList(s Setting, fd protoreflect.FieldDescriptor, into protoreflect.Message) {
	into.Clear(fd)
	list := into.Mutable(fd).List()
	for i, text := range strings.Split(s.Value, ",") {
		text = strings.TrimSpace(text)
		value, err := parse(fd, text)
		if err != nil {
			d.faults = append(d.faults, Fault{Source{Name: s.From}, item(s.Field, i), err.Error() + shown(fd, text, false)})
			continue
		}
		list.Append(value)
	}
}
