package policy_test

import (
	"testing"

	"github.com/venta-hq/venta/gateway/policy"
)

func TestTagsMake(t *testing.T) {
	for _, test := range []struct {
		made, purged string
		want         bool
	}{
		{"order:{id}", "order:{order_id}", true}, // names mean nothing
		{"order:{id}", "order:{order.id}", true},
		{"orders", "orders", true},
		{"orders", "order", false},
		{"shops:{id}", "shop:{id}", false},
		{"shop:{id}", "Shop:{id}", false},
		{"order:{id}", "order:7", true},
		{"order:{id}", "order:", true},
		{"order:{id}", "order", false},
		{"order:{tenant}:{id}", "order:{id}", false}, // a value has no colon
		{"order:{tenant}:{id}", "order:{a}:{b}", true},
		{"{name}", "shops/{id}", true}, // resource names
		{"shops/{id}", "{name}", true},
		{"{kind}", "orders", true},
		{"a{x}b", "a{y}c", false},
		{"a{x}b", "{y}cb", true},
		{"a{x}{y}b", "ab", true},
		{"{x}a", "b{y}", true},
		{"a{x}", "{y}b{z}c", true},
		{"ab{x}", "a{y}c", true},
		{"abc", "a{y}d", false},
		{"", "a", false},
		{"a:{id", "a:{id}", false}, // which is refused
	} {
		if got := policy.NewTags([]string{test.made}).Make(test.purged); got != test.want {
			t.Errorf("%q makes %q: %t", test.made, test.purged, got)
		}
		if got := policy.NewTags([]string{test.purged}).Make(test.made); got != test.want && test.made != "" && test.made != "a:{id" {
			t.Errorf("%q makes %q: %t", test.purged, test.made, got)
		}
	}
}

func TestTagsMissing(t *testing.T) {
	for want, made := range map[string][]string{
		`no cache of this run makes "shop:{id}", so nothing is purged by it (none has a tag)`:                                  nil,
		`no cache of this run makes "shop:{id}", so nothing is purged by it (there are "shops:{id}", "a")`:                     {"a", "shops:{id}", "a"},
		`no cache of this run makes "shop:{id}", so nothing is purged by it (there are "shop", "a", "b", "c", "d" and 1 more)`: {"a", "b", "c", "d", "e", "shop"},
	} {
		if got := policy.NewTags(made).Missing("shop:{id}", "this run"); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}
