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

// literal writes values as composite literals, with the fields that are not
// zero. It follows the structs of package policy, so that no field of theirs can
// be forgotten.
type literal struct {
	file *protogen.GeneratedFile
}

// value writes a value between a prefix and a suffix behind that many tabs: on
// one line where it fits, else on as few as it needs.
func (l literal) value(prefix string, v reflect.Value, suffix string, tabs int) {
	if v.Kind() == reflect.Pointer {
		prefix, v = prefix+"&", v.Elem()
	}
	text := prefix + l.flat(v) + suffix
	switch {
	case fits(text, tabs) || !isComposite(v):
		l.file.P(text)
	case v.Kind() == reflect.Slice && isComposite(v.Index(0)):
		l.slice(prefix+l.typeName(v.Type())+"{", v, "}"+suffix, tabs)
	default:
		l.fill(prefix+l.typeName(v.Type())+"{", elements(v), "}"+suffix, tabs)
	}
}

// slice writes structs. A single one begins beside the brace, others begin lines.
func (l literal) slice(opening string, v reflect.Value, closing string, tabs int) {
	if v.Len() == 1 {
		l.fill(opening+"{", elements(v.Index(0)), "}"+closing, tabs)
		return
	}
	l.file.P(opening)
	for i := range v.Len() {
		l.fill("{", elements(v.Index(i)), "},", tabs+1)
	}
	l.file.P(closing)
}

// fill writes a composite literal with as many elements on each line as fit.
func (l literal) fill(opening string, all []element, closing string, tabs int) {
	f := newFiller(l.file, opening, tabs)
	for i, e := range all {
		end := ","
		if i == len(all)-1 {
			end = closing
		}
		if !f.add(e.name + l.flat(e.value) + end) {
			l.value(f.take()+e.name, e.value, end, f.tabs)
		}
	}
	f.end()
}

// flat returns the Go expression of a value on one line.
func (l literal) flat(v reflect.Value) string {
	switch {
	case v.Kind() == reflect.Pointer:
		return "&" + l.flat(v.Elem())
	case v.Kind() == reflect.Slice || isStruct(v):
		return l.typeName(v.Type()) + l.braces(v)
	default:
		return l.scalar(v)
	}
}

// braces returns the elements of a composite literal; those that are structs
// leave out their type.
func (l literal) braces(v reflect.Value) string {
	var texts []string
	for _, e := range elements(v) {
		if v.Kind() == reflect.Slice && isStruct(e.value) {
			texts = append(texts, l.braces(e.value))
		} else {
			texts = append(texts, e.name+l.flat(e.value))
		}
	}
	return "{" + strings.Join(texts, ", ") + "}"
}

// element is one of a composite literal.
type element struct {
	name  string // "Duration: ", "" in a slice
	value reflect.Value
}

// elements returns those of a slice, or the fields of a struct that are not zero.
func elements(v reflect.Value) []element {
	var all []element
	if v.Kind() == reflect.Slice {
		for i := range v.Len() {
			all = append(all, element{"", v.Index(i)})
		}
		return all
	}
	for i := range v.NumField() {
		if !v.Field(i).IsZero() {
			all = append(all, element{v.Type().Field(i).Name + ": ", v.Field(i)})
		}
	}
	return all
}

// isComposite tells whether a literal can be broken into lines.
func isComposite(v reflect.Value) bool {
	return (v.Kind() == reflect.Slice || isStruct(v)) && len(elements(v)) > 0
}

// isStruct tells whether a value is written as a struct. A time is not.
func isStruct(v reflect.Value) bool {
	return v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]()
}

// typeName returns a type as generated code names it.
func (l literal) typeName(t reflect.Type) string {
	if t.Kind() == reflect.Slice {
		return "[]" + l.typeName(t.Elem())
	}
	if t.PkgPath() == "" {
		return t.Name()
	}
	return l.ident(protogen.GoImportPath(t.PkgPath()), t.Name())
}

func (l literal) ident(path protogen.GoImportPath, name string) string {
	return l.file.QualifiedGoIdent(path.Ident(name))
}

// scalar returns the Go expression of what is no composite literal.
func (l literal) scalar(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case time.Duration:
		return l.duration(value)
	case time.Time:
		return l.time(value)
	case codes.Code:
		return l.ident(codesPackage, value.String())
	}
	if name, ok := constant(v.Interface()); ok {
		return l.ident(policyPackage, name)
	}
	switch v.Kind() {
	case reflect.String:
		return quote(v.String())
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	default:
		panic(fmt.Sprintf("no literal for %s", v.Type()))
	}
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
	case policy.GroupScope:
		return []string{"GroupPerService", "GroupPerFile", "GroupPerGateway"}[v], true
	case policy.SlowConsumer:
		return []string{"SlowWaits", "SlowDropsOldest", "SlowEnds"}[v], true
	case policy.AfterSunset:
		return []string{"ServeAfterSunset", "GoneAfterSunset"}[v], true
	case policy.WebhookScheme:
		return []string{"WebhookSvix", "WebhookStandard", "WebhookSharedSecret"}[v], true
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
		if d%unit.length == 0 {
			return l.times(int64(d/unit.length), unit.name)
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
