package events

import (
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

func TestTags(t *testing.T) {
	rules, err := parseRules([]Rule{
		{Subject: "shop.order.*", Tags: []string{"order:{data.id}", "orders"}},
		{Subject: "shop.*.*.gone", Tags: []string{"{subject.2}:{subject.3}"}},
		{Subject: "shop.customer.>", Tags: []string{"customer:{header.Shop-Customer}", "open:{open}:{count}"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		subject, payload string
		want             []string
		fault            string
	}{
		{"shop.order.paid", `{"data":{"id":"1"}}`, []string{"order:1", "orders"}, ""},
		{"shop.order.paid.late", `{`, nil, ""},
		{"shop.order", `{`, nil, ""},
		{"shop.item.9.gone", "no JSON", []string{"item:9"}, ""},
		{"shop.customer.a.b", `{"open":true,"count":12345678901234567890}`, []string{"customer:7", "open:true:12345678901234567890"}, ""},
		{"shop.customer", `{`, nil, ""},
		{"shop.order.paid", `{"data":{"id":""}}`, nil, "{data.id}: the event has no such value"},
		{"shop.order.paid", `no`, nil, "{data.id}: the payload is not JSON"},
	}
	for _, test := range tests {
		got, err := tagsOf(rules, Message{Subject: test.subject, Data: []byte(test.payload), Header: nats.Header{"Shop-Customer": {"7"}}})
		if test.fault != "" {
			if err == nil || !strings.Contains(err.Error(), test.fault) {
				t.Errorf("%s %s: %v, want %s", test.subject, test.payload, err, test.fault)
			}
			continue
		}
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s %s: %v, %v", test.subject, test.payload, got, err)
		}
	}
}

func TestWrongRules(t *testing.T) {
	tests := map[string]Rule{
		"want parts":         {Subject: "a..b", Tags: []string{"x"}},
		"parts with points":  {Subject: "a b", Tags: []string{"x"}},
		"for the rest":       {Subject: "a.>.b", Tags: []string{"x"}},
		"a whole part":       {Subject: "a.b*", Tags: []string{"x"}},
		"there are 0":        {Subject: "a"},
		"{ without }":        {Subject: "a", Tags: []string{"x:{"}},
		"part's number":      {Subject: "a", Tags: []string{"x:{subject.id}"}},
		"at most 255 bytes":  {Subject: strings.Repeat("a", 256), Tags: []string{"x"}},
		"want 1 to 16":       {Subject: "a", Tags: make([]string, 17)},
		"with points betwee": {},
	}
	for want, rule := range tests {
		if err := CheckRules([]Rule{rule}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", rule, err, want)
		}
	}
}

func TestFilters(t *testing.T) {
	of := func(subjects ...string) []string {
		var all []Rule
		for _, s := range subjects {
			all = append(all, Rule{Subject: s, Tags: []string{"x"}})
		}
		rules, err := parseRules(all)
		if err != nil {
			t.Fatal(err)
		}
		return filters(rules)
	}
	if got := of("a.*", "b.>"); !slices.Equal(got, []string{"a.*", "b.>"}) {
		t.Errorf("%v", got)
	}
	for _, overlapping := range [][]string{{"a.*", "a.b"}, {"a.>", "a.b.c"}, {"a.*.c", "a.b.*"}, {">", "a"}, {"a", "a"}} {
		if got := of(overlapping...); got != nil {
			t.Errorf("%v: %v", overlapping, got)
		}
	}
}

func TestURLs(t *testing.T) {
	right := []string{"nats://a:4222", "tls://u:p@a,tls://b", "nats://token@127.0.0.1:1", "nats://u:p@localhost", "nats://u:p@[::1]:4222"}
	for _, url := range right {
		if err := CheckURL(url, false); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, url := range []string{"", "a:4222", "http://a", "nats://", "nats://a/b", "nats://a?x=secret", "nats://u:secret@a", "nats://a,,nats://b", "nats://a:x:secret"} {
		if err := CheckURL(url, false); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", url, err)
		}
	}
	if err := CheckURL("nats://u:p@a", true); err != nil {
		t.Error(err)
	}
	if err := (Options{URL: "nats://a", Credentials: []byte("secret")}).Validate(); err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}
