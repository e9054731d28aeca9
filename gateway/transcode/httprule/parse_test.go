package httprule_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway/transcode/httprule"
)

func TestParse(t *testing.T) {
	tests := []struct {
		template  string
		shape     string
		verb      string
		variables []httprule.Variable
	}{
		{"/", "/", "", nil},
		{"/v1/vendors", "/v1/vendors", "", nil},
		{"/v1/vendors/{id}", "/v1/vendors/*", "", []httprule.Variable{{FieldPath: "id", Start: 2, End: 3}}},
		{"/v1/vendors/{vendor.id}:open", "/v1/vendors/*:open", "open", []httprule.Variable{{FieldPath: "vendor.id", Start: 2, End: 3}}},
		{"/v1/{name=shelves/*/books/**}", "/v1/shelves/*/books/**", "", []httprule.Variable{{FieldPath: "name", Start: 1, End: 5}}},
		{"/v1/{a}/x/{b=**}/tail:go", "/v1/*/x/**/tail:go", "go", []httprule.Variable{{FieldPath: "a", Start: 1, End: 2}, {FieldPath: "b", Start: 3, End: 4}}},
		{"/v1/*/b", "/v1/*/b", "", nil},
		{"/**", "/**", "", nil},
		{"/v1/a:b/c", "/v1/a:b/c", "", nil},
		{"/v1/a:b/c:d", "/v1/a:b/c:d", "d", nil},
		{"/v1/{a}:watch", "/v1/*:watch", "watch", []httprule.Variable{{FieldPath: "a", Start: 1, End: 2}}},
		{"/v1/{a}:b:c", "/v1/*:b:c", "b:c", []httprule.Variable{{FieldPath: "a", Start: 1, End: 2}}},
		{"/v1/a:b:c", "/v1/a:b:c", "c", nil},
		{"/v1/**:do", "/v1/**:do", "do", nil},
		{"/v1/a:", "/v1/a", "", nil},
		{"/v1/{a}:", "/v1/*", "", []httprule.Variable{{FieldPath: "a", Start: 1, End: 2}}},
		{"/v1/{a=b:c/d:}", "/v1/b:c/d::", "", []httprule.Variable{{FieldPath: "a", Start: 1, End: 3}}},
		{"/v1/*b/***/a=b;c@%2F", "/v1/*b/***/a=b;c@%2F", "", nil},
		{"/v1/{a}/{a}", "/v1/*/*", "", []httprule.Variable{{FieldPath: "a", Start: 1, End: 2}, {FieldPath: "a", Start: 2, End: 3}}},
	}
	for _, test := range tests {
		t.Run(test.template, func(t *testing.T) {
			got, err := httprule.Parse(test.template)
			if err != nil {
				t.Fatal(err)
			}
			if got.Shape() != test.shape || got.Verb() != test.verb || got.String() != test.template {
				t.Errorf("shape %q verb %q, want %q %q", got.Shape(), got.Verb(), test.shape, test.verb)
			}
			if diff := cmp.Diff(test.variables, got.Variables()); diff != "" {
				t.Errorf("variables (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		template string
		offset   int
		problem  string
	}{
		{"", 0, "must begin with /"},
		{"v1", 0, "must begin with /"},
		{"/v1/", 4, "an empty segment"},
		{"//a", 1, "an empty segment"},
		{"/v1/{id", 5, "a { without }"},
		{"/v1/{id=a/{b}}", 10, "a variable inside a variable"},
		{"/v1/{id=*/**/**}", 13, "a second **"},
		{"/v1/{i d}", 5, `"i d" is not a field path`},
		{"/v1/{}", 5, `"" is not a field path`},
		{"/v1/a}", 5, "unexpected '}'"},
		{"/v1/a{b}", 5, "unexpected '{'"},
		{"/v1/{a}b", 7, "unexpected 'b'"},
		{"/v1/{a}:b/c", 7, "unexpected ':'"},
		{"/v1/a b", 5, "unexpected ' '"},
		{"/v1/a%2", 5, "unexpected '%'"},
		{"/v1/é", 4, "unexpected 'é'"},
		{"/v1/a:b{", 7, "unexpected '{'"},
		{"/v1/:b", 4, "an empty segment"},
	}
	for _, test := range tests {
		t.Run(test.template, func(t *testing.T) {
			_, err := httprule.Parse(test.template)
			var got *httprule.SyntaxError
			if !errors.As(err, &got) {
				t.Fatalf("error %v, want a SyntaxError", err)
			}
			if got.Offset != test.offset || got.Problem != test.problem {
				t.Errorf("at %d: %s; want at %d: %s", got.Offset, got.Problem, test.offset, test.problem)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"/v1/{name=a/*/b/**}:verb", "/{a.b}/c:d/e", "/**"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, template string) {
		parsed, err := httprule.Parse(template)
		if err != nil {
			return
		}
		again, err := httprule.Parse(parsed.Shape())
		if err != nil {
			t.Fatalf("%q has shape %q, which does not parse: %v", template, parsed.Shape(), err)
		}
		if again.Shape() != parsed.Shape() {
			t.Errorf("%q: shape %q is not its own shape: %q", template, parsed.Shape(), again.Shape())
		}
	})
}
