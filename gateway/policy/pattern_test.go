package policy_test

import (
	"testing"

	"github.com/venta-hq/venta/gateway/policy"
)

func TestMatches(t *testing.T) {
	tests := []struct {
		pattern, method string
		want            bool
	}{
		{"**", "/a.B/C", true},
		{"a.B/C", "/a.B/C", true},
		{"a.B/C", "a.B/C", true},
		{"a.B/*", "/a.B/C", true},
		{"a.B/*", "/a.BB/C", false},
		{"a.B/*", "/x.a.B/C", false},
		{"a.B/C", "/a.B/CC", false},
		{"a.B/CC", "/a.B/C", false},
		{"*", "/a.B/C", false},
		{"a.*", "/a.B/C", false},
	}
	for _, test := range tests {
		if got := policy.Matches(test.pattern, test.method); got != test.want {
			t.Errorf("%s %s: %v", test.pattern, test.method, got)
		}
	}
}
