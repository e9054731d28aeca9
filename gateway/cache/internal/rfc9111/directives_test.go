package rfc9111

import (
	"net/http"
	"testing"
	"time"
)

// TestParseDirectives is section 5.2, and 4.2.1 for what is malformed.
func TestParseDirectives(t *testing.T) {
	with := func(change func(*Directives)) Directives {
		d := NoDirectives()
		change(&d)
		return d
	}
	tests := []struct {
		lines []string
		want  Directives
	}{
		{nil, with(func(*Directives) {})},
		{[]string{""}, with(func(*Directives) {})},
		{[]string{"No-Store"}, with(func(d *Directives) { d.NoStore = true })},
		{[]string{" public , MAX-AGE=5"}, with(func(d *Directives) { d.Public, d.MaxAge = true, 5*time.Second })},
		{[]string{"max-age=5", "s-maxage=7, must-revalidate"}, with(func(d *Directives) {
			d.MaxAge, d.SharedMaxAge, d.MustRevalidate = 5*time.Second, 7*time.Second, true
		})},
		{[]string{`private="set-cookie, x", no-cache="y"`}, with(func(d *Directives) { d.Private, d.NoCache = true, true })},
		{[]string{`x="no-store, \" private", public`}, with(func(d *Directives) { d.Public = true })},
		{[]string{"proxy-revalidate, stale-if-error=60, stale-if-error=30"}, with(func(d *Directives) {
			d.ProxyRevalidate, d.StaleIfError = true, 30*time.Second
		})},
		{[]string{`x="unclosed, no-store`}, with(func(*Directives) {})},
		{[]string{`max-age="5"`}, with(func(d *Directives) { d.MaxAge = 5 * time.Second })},
		{[]string{"max-age=9, max-age=3, max-age=4"}, with(func(d *Directives) { d.MaxAge = 3 * time.Second })},
		{[]string{"max-age=-1"}, with(func(d *Directives) { d.MaxAge = 0 })},
		{[]string{"max-age=1.5, max-age"}, with(func(d *Directives) { d.MaxAge = 0 })},
		{[]string{"max-age=99999999999999999999999"}, with(func(d *Directives) { d.MaxAge = maxDelta * time.Second })},
		{[]string{"min-fresh=3, only-if-cached, max-stale=9"}, with(func(d *Directives) {
			d.MinFresh, d.OnlyIfCached, d.MaxStale = 3*time.Second, true, 9*time.Second
		})},
		{[]string{"max-stale, stale-while-revalidate=5"}, with(func(d *Directives) {
			d.MaxStale, d.StaleWhileRevalidate = maxDelta*time.Second, 5*time.Second
		})},
	}
	for _, test := range tests {
		if got := ParseDirectives(http.Header{"Cache-Control": test.lines}); got != test.want {
			t.Errorf("%q: %+v, want %+v", test.lines, got, test.want)
		}
	}
}
