package emit

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/venta-hq/venta/gateway/policy"
)

// written returns the code of a variable that holds the literal.
func written(t *testing.T, write func(l literal)) string {
	t.Helper()
	plugin, err := protogen.Options{}.New(&pluginpb.CodeGeneratorRequest{})
	if err != nil {
		t.Fatal(err)
	}
	g := plugin.NewGeneratedFile("x.go", "example.com/x")
	g.P("package x")
	write(literal{file: g})
	content, err := g.Content()
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestEveryFieldIsWritten sets every field that package policy has, now or
// later, and looks for its name.
func TestEveryFieldIsWritten(t *testing.T) {
	var m policy.Method
	want := map[string]bool{}
	fill(reflect.ValueOf(&m).Elem(), want)
	content := written(t, func(l literal) { l.value("var _ = ", reflect.ValueOf(m), "", 0) })
	file, err := parser.ParseFile(token.NewFileSet(), "x.go", content, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if pair, ok := n.(*ast.KeyValueExpr); ok {
			got[pair.Key.(*ast.Ident).Name] = true
		}
		return true
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

// fill sets all that is below v to something that is not zero.
func fill(v reflect.Value, names map[string]bool) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(time.Unix(1, 0)))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			names[v.Type().Field(i).Name] = true
			fill(v.Field(i), names)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), names)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), names)
		fill(v.Index(1), names)
	case reflect.String:
		v.SetString("\"`\n")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(1.5)
	case reflect.Uint32:
		v.SetUint(1)
	default:
		v.SetInt(1)
	}
}

func TestScalars(t *testing.T) {
	tests := []struct {
		value any
		want  string
	}{
		{time.Nanosecond, "time.Nanosecond"},
		{time.Duration(1001), "1001 * time.Nanosecond"},
		{1500 * time.Microsecond, "1500 * time.Microsecond"},
		{time.Second, "time.Second"},
		{90 * time.Second, "90 * time.Second"},
		{2 * time.Minute, "2 * time.Minute"},
		{36 * time.Hour, "36 * time.Hour"},
		{-2 * time.Second, "-2 * time.Second"},
		{time.Date(2026, time.October, 1, 2, 0, 0, 0, time.FixedZone("", 2*60*60)), "time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC)"},
		{codes.OK, "codes.OK"},
		{codes.Canceled, "codes.Canceled"},
		{codes.Unauthenticated, "codes.Unauthenticated"},
		{[]codes.Code{codes.Internal, codes.Unavailable}, "[]codes.Code{codes.Internal, codes.Unavailable}"},
		{[]string{"a{b}", "\xff"}, `[]string{"a{b}", "\xff"}`},
		{2.0, "2"},
		{1e21, "1e+21"},
		{int64(1 << 40), "1099511627776"},
		{policy.BreakerPerMethod, "policy.BreakerPerMethod"},
		{policy.BreakerPerService, "policy.BreakerPerService"},
		{policy.KeyGlobal, "policy.KeyGlobal"},
		{policy.KeyClientIP, "policy.KeyClientIP"},
		{policy.KeyPrincipal, "policy.KeyPrincipal"},
		{policy.KeyHeader, "policy.KeyHeader"},
		{policy.KeyField, "policy.KeyField"},
		{policy.AudiencePublic, "policy.AudiencePublic"},
		{policy.AudiencePrincipal, "policy.AudiencePrincipal"},
		{policy.AuthNone, "policy.AuthNone"},
		{policy.AuthOptional, "policy.AuthOptional"},
		{policy.AuthRequired, "policy.AuthRequired"},
		{policy.ServeAfterSunset, "policy.ServeAfterSunset"},
		{policy.GoneAfterSunset, "policy.GoneAfterSunset"},
	}
	written(t, func(l literal) {
		for _, test := range tests {
			if got := l.flat(reflect.ValueOf(test.value)); got != test.want {
				t.Errorf("%#v is written as %q, want %q", test.value, got, test.want)
			}
		}
	})
}
