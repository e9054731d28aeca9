package config

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// Extension is a block of a program's own, at the top level of the file beside
// the core's. Its fields are read, checked, taken from the environment
// (VENTA_DATABASE_URL for database.url), compared and shown as the core's are:
// rules of protovalidate hold, fields with debug_redact are secret, and the files
// that fields named "..._file" name are read.
//
// Fields can be of the kinds string, bool, int32, int64, double and enum, be a
// google.protobuf.Duration, another message, a list of those, or a map from
// names (letters, digits, _ and -) to messages.
type Extension struct {
	// Name is the block's name, in lower_snake_case. Required; no field of
	// venta.config.v1.Config may have it.
	Name string
	// Message is of the type that describes the block; its value is not used.
	// Required.
	Message proto.Message
	// Sample is YAML with the block alone, which gives the defaults as
	// [Sample] describes, and is appended there. Default: none, and the
	// zero value of each field is its default.
	Sample string
	// Check returns what rules cannot find in a block whose form is right, by
	// [Loaded.Fault]. It must not reach outside of the machine, and its faults must
	// hold no secrets. It is not called where files are left out. Default: nothing.
	Check func(*Loaded) []Fault
}

// program is what [Options] say of the program.
type program struct {
	targets    map[string]string // the default of each upstream
	names      []string          // of the upstreams, in alphabetical order
	extensions []Extension
	variables  map[string]string // the field of each variable of the environment
}

var (
	coreFields    = (&configv1.Config{}).ProtoReflect().Descriptor()
	extensionName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
	upstreamName  = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$`)
)

// newProgram checks what the programmer says. The error is for the programmer.
func newProgram(o Options) (*program, error) {
	p := &program{targets: o.Upstreams, names: slices.Sorted(maps.Keys(o.Upstreams)), extensions: o.Extensions, variables: map[string]string{}}
	var errs []error
	for _, name := range p.names {
		if name == defaultUpstream || !upstreamName.MatchString(name) {
			errs = append(errs, fmt.Errorf("upstream %q: a name has letters, digits and _ . - between them, and %q is taken", name, defaultUpstream))
		}
	}
	for _, pair := range within(append([]string{defaultUpstream}, p.names...)) {
		errs = append(errs, fmt.Errorf("upstream %q: its paths could be those of %q; rename one", pair[1], pair[0]))
	}
	for i, e := range p.extensions {
		if err := e.check(p.extensions[:i]); err != nil {
			errs = append(errs, fmt.Errorf("extension %q: %w", e.Name, err))
		}
	}
	if len(errs) == 0 {
		errs = p.nameVariables()
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("config: the program is wrong: %w", errors.Join(errs...))
	}
	return p, nil
}

// within returns the pairs of names of which the second is within the first.
func within(names []string) (pairs [][2]string) {
	for _, outer := range names {
		for _, inner := range names {
			if inner != outer && Within(inner, outer) {
				pairs = append(pairs, [2]string{outer, inner})
			}
		}
	}
	return pairs
}

func (e Extension) check(before []Extension) error {
	switch {
	case !extensionName.MatchString(e.Name):
		return errors.New("a name is in lower_snake_case")
	case e.Message == nil:
		return errors.New("it has no message")
	case coreFields.Fields().ByName(protoreflect.Name(e.Name)) != nil:
		return errors.New("the core has a field of this name")
	case slices.ContainsFunc(before, func(other Extension) bool { return other.Name == e.Name }):
		return errors.New("given twice")
	}
	return checkFields(e.Message.ProtoReflect().Descriptor(), nil)
}

// checkFields refuses fields that cannot be configured. around are the messages
// that md is in.
func checkFields(md protoreflect.MessageDescriptor, around []protoreflect.FullName) error {
	if slices.Contains(around, md.FullName()) {
		return fmt.Errorf("message %s holds itself", md.FullName())
	}
	if strings.HasPrefix(string(md.FullName()), "google.protobuf.") {
		return fmt.Errorf("message %s cannot be configured", md.FullName())
	}
	around = append(slices.Clip(around), md.FullName())
	var errs []error
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		if why := cannotBe(fd); why != "" {
			errs = append(errs, fmt.Errorf("field %s: %s", fd.FullName(), why))
			continue
		}
		if inner := messageOf(fd); inner != nil {
			errs = append(errs, checkFields(inner, around))
		}
	}
	return errors.Join(errs...)
}

// cannotBe says why a field cannot be configured, or nothing.
func cannotBe(fd protoreflect.FieldDescriptor) string {
	switch {
	case fd.IsMap() && (fd.MapKey().Kind() != protoreflect.StringKind || isScalar(fd.MapValue())):
		return "a map can only be from strings to messages"
	case !fd.IsMap() && !isReadable(fd):
		return fmt.Sprintf("kind %v cannot be configured", fd.Kind())
	case isSecret(fd) && (fd.Kind() != protoreflect.StringKind || fd.IsList()):
		return "a secret (debug_redact) is one string"
	case isFile(fd) && (fd.Kind() != protoreflect.StringKind || isSecret(fd)):
		return "a field whose name ends in _file is a string, the path of a file"
	default:
		return ""
	}
}

func isReadable(fd protoreflect.FieldDescriptor) bool {
	switch fd.Kind() {
	case protoreflect.StringKind, protoreflect.BoolKind, protoreflect.Int32Kind, protoreflect.Int64Kind,
		protoreflect.DoubleKind, protoreflect.EnumKind, protoreflect.MessageKind:
		return true
	default:
		return false
	}
}

// nameVariables finds the field that each variable of the environment sets. The
// errors are of fields that would share one.
func (p *program) nameVariables() []error {
	var errs []error
	add := func(variable, field string) {
		if other, taken := p.variables[variable]; taken {
			errs = append(errs, fmt.Errorf("%s and %s would both be set by %s; rename one", other, field, variable))
		}
		p.variables[variable] = field
	}
	fieldsByVariable("", coreFields, add)
	upstream := (&configv1.Upstream{}).ProtoReflect().Descriptor()
	for _, name := range append([]string{defaultUpstream}, p.names...) {
		fieldsByVariable(child("upstreams", name), upstream, add)
	}
	for _, e := range p.extensions {
		fieldsByVariable(e.Name, e.Message.ProtoReflect().Descriptor(), add)
	}
	return errs
}
