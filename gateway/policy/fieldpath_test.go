package policy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/venta-hq/venta/gateway/policy"
)

func TestResolveFieldPath(t *testing.T) {
	tests := []struct {
		path    string
		integer bool
		problem string // "": the path resolves
	}{
		{"id", false, ""},
		{"raw", false, ""},
		{"filter.level", false, ""},
		{"weight", true, ""},
		{"count", true, ""},
		{"filter.request.filter.request.weight", true, ""},
		{"", false, `Request has no field ""`},
		{"Id", false, `Request has no field "Id"`},
		{"id.", false, `"id." goes on after a value`},
		{".id", false, `Request has no field ""`},
		{"filter", false, `"filter" is a message`},
		{"filter.", false, `Filter has no field ""`},
		{"filter.town", false, `Filter has no field "town"`},
		{"labels", false, `"labels" is repeated`},
		{"notes", false, `"notes" is repeated`},
		{"notes.key", false, `"notes.key" is repeated`},
		{"weight.x", false, `"weight.x" goes on after a value`},
	}
	message := request(t)
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			path, err := policy.ResolveFieldPath(message, test.path)
			if test.problem == "" {
				if err != nil {
					t.Fatal(err)
				}
				if got := string(path[len(path)-1].Name()); !strings.HasSuffix(test.path, got) || path.IsInteger() != test.integer {
					t.Errorf("ends at %s, integer %v", got, path.IsInteger())
				}
				return
			}
			var wrong *policy.PathError
			if !errors.As(err, &wrong) || wrong.Problem != test.problem || wrong.Remedy == "" || wrong.Path != test.path {
				t.Errorf("error %+v, want %q", wrong, test.problem)
			}
		})
	}
}

func TestParseTemplate(t *testing.T) {
	tests := []struct {
		text, fields, expanded string
		wrong                  bool
	}{
		{"vendors", "", "vendors", false},
		{"vendor:{id}", "id", "vendor:<id>", false},
		{"{a}{b.c}x", "a b.c", "<a><b.c>x", false},
		{"", "", "", true},
		{"{id", "", "", true},
		{"id}", "", "", true},
		{"{}", "", "", true},
		{"{a{b}}", "", "", true},
		{"{a}}", "", "", true},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			template, err := policy.ParseTemplate(test.text)
			if (err != nil) != test.wrong {
				t.Fatalf("error %v", err)
			}
			if got := strings.Join(template.Fields(), " "); got != test.fields {
				t.Errorf("fields %q, want %q", got, test.fields)
			}
			got := template.Expand(func(field string) string { return "<" + field + ">" })
			if got != test.expanded {
				t.Errorf("expanded %q, want %q", got, test.expanded)
			}
		})
	}
}

func FuzzParseTemplate(f *testing.F) {
	for _, seed := range []string{"vendor:{id}", "{a}{b}", "}{", "{{a}}", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		template, err := policy.ParseTemplate(text)
		if err != nil {
			return
		}
		if got := template.Expand(func(field string) string { return "{" + field + "}" }); got != text {
			t.Errorf("%q is put together again as %q", text, got)
		}
	})
}
