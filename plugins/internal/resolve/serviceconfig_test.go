package resolve

import (
	"strings"
	"testing"
)

// TestParseServiceConfig covers what is read of a file, and where.
func TestParseServiceConfig(t *testing.T) {
	tests := map[string]struct{ content, want, wrong string }{
		"nothing":        {"", "", ""},
		"no rules":       {"type: google.api.Service\nhttp:\n", "", ""},
		"empty rules":    {"http: {rules: []}", "", ""},
		"JSON":           {`{"http": {"rules": [{"selector": "a.B.C", "get": "/v1"}]}}`, "api.yaml:1:21 a.B.C /v1", ""},
		"other parts":    {"apis: [{name: a.B}]\nhttp:\n  fully_decode_reserved_expansion: true\n  nosuch: 1\n", "", ""},
		"alias":          {"x: &x {selector: a.B.C, get: /v1}\nhttp:\n  rules:\n  - *x\n", "api.yaml:4:5 a.B.C /v1", ""},
		"no YAML":        {"http: [", "", "api.yaml: yaml: "},
		"no rule":        {"http: {rules: [7]}", "", "api.yaml: "},
		"no text":        {"http: {rules: [{selector: a.B.C, get: [x]}]}", "", "api.yaml: "},
		"wildcard":       {"http: {rules: [{selector: a.B.*, get: /v1}]}", "", `api.yaml:1:16: selector "a.B.*" must name one RPC`},
		"two selectors":  {"http: {rules: [{selector: 'a.B.C, a.B.D', get: /v1}]}", "", "api.yaml:1:16: selector"},
		"empty selector": {"http: {rules: [{get: /v1}]}", "", "api.yaml:1:16: selector"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			config, err := ParseServiceConfig("api.yaml", []byte(test.content))
			if test.wrong != "" {
				if err == nil || !strings.HasPrefix(err.Error(), test.wrong) {
					t.Errorf("error %v, want %s", err, test.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, rule := range config.external {
				got = append(got, strings.Join([]string{rule.at.String(), string(rule.selector), rule.http.GetGet()}, " "))
			}
			if strings.Join(got, "; ") != test.want {
				t.Errorf("read %q, want %q", got, test.want)
			}
		})
	}
}
