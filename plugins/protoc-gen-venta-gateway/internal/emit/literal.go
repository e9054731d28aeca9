package emit

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/compiler/protogen"

	"github.com/venta-hq/venta/gateway/policy"
)

// literal writes policies as composite literals: a knob on each line, and only
// those that are not zero. It follows the structs of package policy, so that no
// field of theirs can be forgotten.
type literal struct {
	file *protogen.GeneratedFile
}

// field writes "name: value," unless the value is zero.
func (l literal) field(name string, value any) {
	if v := reflect.ValueOf(value); !v.IsZero() {
		l.value(name+": ", v, ",")
	}
}

// value writes a value between a prefix and a suffix.
func (l literal) value(prefix string, v reflect.Value, suffix string) {
	if text, ok := l.scalar(v); ok {
		l.file.P(prefix, text, suffix)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		l.value(prefix+"&", v.Elem(), suffix)
	case reflect.Struct:
		l.structure(prefix+l.typeName(v.Type()), v, suffix)
	case reflect.Slice: // of structs
		l.slice(prefix, v, suffix)
	default:
		panic(fmt.Sprintf("no literal for %s", v.Type()))
	}
}

// structure writes a struct: on one line if it has one knob that is a scalar.
func (l literal) structure(prefix string, v reflect.Value, suffix string) {
	var set []int
	for i := range v.NumField() {
		if !v.Field(i).IsZero() {
			set = append(set, i)
		}
	}
	if len(set) == 0 {
		l.file.P(prefix, "{}", suffix)
		return
	}
	if len(set) == 1 {
		if text, ok := l.scalar(v.Field(set[0])); ok {
			l.file.P(prefix, "{", v.Type().Field(set[0]).Name, ": ", text, "}", suffix)
			return
		}
	}
	l.file.P(prefix, "{")
	for _, i := range set {
		l.value(v.Type().Field(i).Name+": ", v.Field(i), ",")
	}
	l.file.P("}", suffix)
}

// slice writes a slice of structs, each after the other.
func (l literal) slice(prefix string, v reflect.Value, suffix string) {
	l.file.P(prefix, "[]", l.typeName(v.Type().Elem()), "{")
	for i := range v.Len() {
		l.structure("", v.Index(i), ",")
	}
	l.file.P("}", suffix)
}

// typeName returns a type as generated code names it.
func (l literal) typeName(t reflect.Type) string {
	if t.PkgPath() == "" {
		return t.Name()
	}
	return l.ident(protogen.GoImportPath(t.PkgPath()), t.Name())
}

func (l literal) ident(path protogen.GoImportPath, name string) string {
	return l.file.QualifiedGoIdent(path.Ident(name))
}

// scalar returns the Go expression of a value that fits one line: anything but a
// struct.
func (l literal) scalar(v reflect.Value) (string, bool) {
	switch value := v.Interface().(type) {
	case time.Duration:
		return l.duration(value), true
	case time.Time:
		return l.time(value), true
	case codes.Code:
		return l.ident(codesPackage, value.String()), true
	}
	if name, ok := constant(v.Interface()); ok {
		return l.ident(policyPackage, name), true
	}
	switch v.Kind() {
	case reflect.String:
		return quote(v.String()), true
	case reflect.Bool:
		return strconv.FormatBool(v.Bool()), true
	case reflect.Int, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), true
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64), true
	case reflect.Slice:
		return l.list(v)
	default:
		return "", false
	}
}

// list returns a slice of scalars.
func (l literal) list(v reflect.Value) (string, bool) {
	elements := make([]string, v.Len())
	for i := range elements {
		text, ok := l.scalar(v.Index(i))
		if !ok {
			return "", false
		}
		elements[i] = text
	}
	return "[]" + l.typeName(v.Type().Elem()) + "{" + strings.Join(elements, ", ") + "}", true
}

// constant returns the name of a constant of package policy.
func constant(value any) (string, bool) {
	switch v := value.(type) {
	case policy.BreakerScope:
		return []string{"BreakerPerMethod", "BreakerPerService", "BreakerPerEndpoint"}[v], true
	case policy.RateLimitSource:
		return []string{"KeyGlobal", "KeyClientIP", "KeyPrincipal", "KeyHeader", "KeyField", "KeyAPIKey"}[v], true
	case policy.Audience:
		return []string{"AudiencePublic", "AudiencePrincipal"}[v], true
	case policy.Requirement:
		return []string{"AuthNone", "AuthOptional", "AuthRequired"}[v], true
	case policy.Scheme:
		return []string{"SchemeBearer", "SchemeAPIKey"}[v], true
	case policy.StoreFailure:
		return []string{"FailureUnset", "FailureAllow", "FailureDeny", "FailureLocal"}[v], true
	case policy.AfterSunset:
		return []string{"ServeAfterSunset", "GoneAfterSunset"}[v], true
	default:
		return "", false
	}
}

// duration returns a duration in the largest unit that it is a multiple of.
func (l literal) duration(d time.Duration) string {
	units := []struct {
		length time.Duration
		name   string
	}{
		{time.Hour, "Hour"}, {time.Minute, "Minute"}, {time.Second, "Second"},
		{time.Millisecond, "Millisecond"}, {time.Microsecond, "Microsecond"}, {time.Nanosecond, "Nanosecond"},
	}
	for _, unit := range units {
		if count := d / unit.length; count*unit.length == d {
			return l.times(int64(count), unit.name)
		}
	}
	panic("a duration is a number of nanoseconds")
}

func (l literal) times(count int64, unit string) string {
	if count == 1 {
		return l.ident(timePackage, unit)
	}
	return fmt.Sprintf("%d * %s", count, l.ident(timePackage, unit))
}

func (l literal) time(t time.Time) string {
	t = t.UTC()
	return fmt.Sprintf("%s(%d, %s, %d, %d, %d, %d, %d, %s)", l.ident(timePackage, "Date"),
		t.Year(), l.ident(timePackage, t.Month().String()), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(),
		l.ident(timePackage, "UTC"))
}

func quote(text string) string { return strconv.Quote(text) }
