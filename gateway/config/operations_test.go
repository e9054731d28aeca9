package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/config"
)

func TestOperations(t *testing.T) {
	t.Parallel()
	tokens := write(t, "[]")
	for _, test := range []struct {
		name, text string
		fault      string // "": none
	}{
		{"with tokens", "admin: :1\nadmin_access: {tokens_file: " + tokens + "}", ""},
		{"open", "admin: :1\nadmin_access: {open: true}", ""},
		{"open, with tokens", "admin_access: {open: true, tokens_file: " + tokens + "}", "admin_access.open: "},
		{"required, without tokens", "admin_access: {require_on_loopback: true}", "admin_access.require_on_loopback: needs"},
		{"an upstream", "health: {critical: [orders]}", ""},
		{"a wrong upstream", "health: {critical: [users, order]}", `health.critical[1]: "order" is no dependency`},
		{"no redis", "health: {critical: [redis]}", "health.critical[0]: needs redis.addresses"},
		{"redis", "health: {critical: [redis]}\nredis: {addresses: ['127.0.0.1:6379']}", ""},
		{"twice", "health: {critical: [orders, orders]}", "health.critical: "},
		{"too long", "health: {critical_after: 11m}", "health.critical_after: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load(config.Options{
				File: write(t, test.text+"\n"), Upstreams: map[string]string{"orders": "127.0.0.1:9001", "users": "127.0.0.1:9002"},
			})
			if (err == nil) != (test.fault == "") || err != nil && !strings.Contains(err.Error(), test.fault) {
				t.Errorf("%v, want %q", err, test.fault)
			}
		})
	}
}

func TestAnAddressOfOthersIsToldOf(t *testing.T) {
	t.Parallel()
	tokens := write(t, "[]")
	for text, want := range map[string]string{
		"admin: :1\nadmin_access: {open: true}":                              "admin_access.open: other machines reach the admin address, which authenticates nobody",
		"admin: :1\nadmin_access: {tokens_file: " + tokens + "}":             "admin: other machines reach the admin address without TLS",
		"admin: 127.0.0.1:1\nadmin_access: {tokens_file: " + tokens + "}":    "",
		"admin: 127.0.0.1:1\nadmin_access: {open_metrics: true, open: true}": "",
	} {
		loaded, err := config.Load(config.Options{File: write(t, text+"\n")})
		if err != nil {
			t.Fatal(err)
		}
		notices := loaded.Notices(time.Now())
		if (len(notices) == 0) != (want == "") {
			t.Errorf("%s: %v", text, notices)
		}
		for _, notice := range notices {
			if !strings.Contains(notice.Error(), want) {
				t.Errorf("%v, want %q", notice, want)
			}
		}
	}
}
