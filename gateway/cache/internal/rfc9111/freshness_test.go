package rfc9111

import (
	"net/http"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

func date(after time.Duration) string { return noon.Add(after).Format(http.TimeFormat) }

// TestLifetime is section 4.2.1.
func TestLifetime(t *testing.T) {
	const otherwise = 7 * time.Second
	tests := []struct {
		name   string
		header http.Header
		want   time.Duration
		own    bool // the response says it itself
	}{
		{"nothing said", http.Header{}, otherwise, false},
		{"s-maxage before max-age", http.Header{"Cache-Control": {"max-age=9, s-maxage=5"}, "Expires": {date(time.Hour)}}, 5 * time.Second, true},
		{"max-age before Expires", http.Header{"Cache-Control": {"max-age=9"}, "Expires": {date(time.Hour)}}, 9 * time.Second, true},
		{"a malformed max-age", http.Header{"Cache-Control": {"max-age=x"}}, 0, true},
		{"Expires after Date", http.Header{"Expires": {date(time.Hour)}, "Date": {date(time.Minute)}}, 59 * time.Minute, true},
		{"Expires without Date", http.Header{"Expires": {date(time.Hour)}}, time.Hour, true},
		{"Expires before Date", http.Header{"Expires": {date(0)}, "Date": {date(time.Minute)}}, 0, true},
		{"Expires in a far time", http.Header{"Expires": {"Fri, 31 Dec 9999 23:59:59 GMT"}}, maxDelta * time.Second, true},
		{"a max-age in a far time", http.Header{"Cache-Control": {"max-age=99999999999999999999"}}, maxDelta * time.Second, true},
		{"Expires of no time", http.Header{"Expires": {"0"}}, 0, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := ParseDirectives(test.header)
			if got := Lifetime(test.header, d, noon, otherwise); got != test.want {
				t.Errorf("Lifetime = %v, want %v", got, test.want)
			}
			if got := HasLifetime(test.header, d); got != test.own {
				t.Errorf("HasLifetime = %v, want %v", got, test.own)
			}
		})
	}
}

// TestBorn is section 4.2.3.
func TestBorn(t *testing.T) {
	old := noon.Add(-5 * time.Second)
	for age, want := range map[string]time.Time{
		"": noon, "5": old, "x": noon, "-1": noon, "5.0": noon, "5;a=b": noon, "5, 0": old, "5,x": old, "0, 5": noon, ",5": noon,
	} {
		header := http.Header{}
		header.Set("Age", age)
		if got := Born(header, noon); !got.Equal(want) {
			t.Errorf("Age %q: %v, want %v", age, got, want)
		}
	}
}

// TestFreshness is section 4.2, and RFC 5861 for what is stale.
func TestFreshness(t *testing.T) {
	f := Freshness{Born: noon, Lifetime: 10 * time.Second, StaleWhileRevalidate: 5 * time.Second, StaleIfError: 20 * time.Second}
	tests := []struct {
		at                            time.Duration
		age                           time.Duration
		fresh, revalidating, forError bool
	}{
		{-time.Second, 0, true, true, true},
		{10*time.Second - 1, 10*time.Second - 1, true, true, true},
		{10 * time.Second, 10 * time.Second, false, true, true},
		{15 * time.Second, 15 * time.Second, false, false, true},
		{30 * time.Second, 30 * time.Second, false, false, false},
	}
	for _, test := range tests {
		now := noon.Add(test.at)
		if f.Age(now) != test.age || f.Fresh(now) != test.fresh || f.WhileRevalidating(now) != test.revalidating ||
			f.InPlaceOfError(now) != test.forError || f.Useful(now) != test.forError || f.Left(now) != 30*time.Second-test.age {
			t.Errorf("after %v: age %v, fresh %v, while revalidating %v, in place of an error %v, useful %v, left %v", test.at,
				f.Age(now), f.Fresh(now), f.WhileRevalidating(now), f.InPlaceOfError(now), f.Useful(now), f.Left(now))
		}
	}
}

// TestAllowedBy is section 5.2.1, of a response that is 6 s old and fresh for 10.
func TestAllowedBy(t *testing.T) {
	f := Freshness{Born: noon, Lifetime: 10 * time.Second}
	tests := []struct {
		directives string
		at         time.Duration
		want       bool
	}{
		{"", 6 * time.Second, true},
		{"no-cache", 6 * time.Second, false},
		{"max-age=6", 6 * time.Second, true},
		{"max-age=5", 6 * time.Second, false},
		{"min-fresh=4", 6 * time.Second, true},
		{"min-fresh=5", 6 * time.Second, false},
		{"max-stale=2", 12 * time.Second, true},
		{"max-stale=1", 12 * time.Second, false},
		{"max-stale", 100 * time.Hour, true},
		{"max-stale, max-age=11", 12 * time.Second, false},
	}
	for _, test := range tests {
		d := ParseDirectives(http.Header{"Cache-Control": {test.directives}})
		if got := f.AllowedBy(d, noon.Add(test.at)); got != test.want {
			t.Errorf("%q after %v: %v", test.directives, test.at, got)
		}
	}
}

// TestStaleWindow is section 4.2.4, and RFC 5861.
func TestStaleWindow(t *testing.T) {
	const policy = time.Minute
	for directives, want := range map[string]time.Duration{
		"":                             policy,
		"stale-if-error=5":             5 * time.Second,
		"stale-if-error=600":           policy, // what it states never lengthens the policy's
		"must-revalidate":              0,
		"proxy-revalidate":             0,
		"s-maxage=9":                   0,
		"max-age=9":                    policy,
		"s-maxage=9, stale-if-error=5": 0,
	} {
		d := ParseDirectives(http.Header{"Cache-Control": {directives}})
		if got := d.StaleWindow(policy, d.StaleIfError); got != want || d.MayBeStale() != (want > 0) {
			t.Errorf("%q: %v, may be stale %v, want %v", directives, got, d.MayBeStale(), want)
		}
	}
}

// TestStatuses is RFC 5861, section 4, and RFC 9110, section 15.1.
func TestStatuses(t *testing.T) {
	tests := []struct {
		status                        int
		failure, supersedes, negative bool
	}{
		{103, false, false, false},
		{200, false, true, false},
		{204, false, true, false},
		{302, false, true, false},
		{304, false, false, false},
		{400, false, true, false},
		{401, false, true, false},
		{403, false, true, false},
		{404, false, true, true},
		{410, false, true, true},
		{408, false, false, false},
		{412, false, false, false},
		{429, false, false, false},
		{431, false, false, false},
		{499, false, false, false},
		{500, true, false, false},
		{501, false, false, false},
		{502, true, false, false},
		{503, true, false, false},
		{504, true, false, false},
	}
	for _, test := range tests {
		if IsFailure(test.status) != test.failure || Supersedes(test.status) != test.supersedes || IsNegative(test.status) != test.negative {
			t.Errorf("%d: failure %v, supersedes %v, negative %v", test.status,
				IsFailure(test.status), Supersedes(test.status), IsNegative(test.status))
		}
	}
}
