// Package promql writes the queries that rules and dashboards share.
package promql

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Queries says how queries are written.
type Queries struct {
	Job       string // that Prometheus scrapes the gateways as
	Native    bool   // histograms are native ones
	TimeScale int    // that durations are divided by
}

const requests = "http_server_request_duration_seconds"

// Matchers that several queries use.
const (
	Failed     = `error_type!=""`
	Succeeded  = `http_response_status_code=~"2..|3.."`
	OfAnyRPC   = `rpc_method!=""`
	ServerFail = `http_response_status_code=~"5.."`
	ClientFail = `http_response_status_code=~"4.."`
)

// Select returns a selector of the gateways' series.
func (q Queries) Select(metric string, matchers ...string) string {
	return metric + "{" + strings.Join(append([]string{`job="` + q.Job + `"`}, matchers...), ",") + "}"
}

// Duration returns a duration as Prometheus writes it, in its largest unit.
func (q Queries) Duration(d time.Duration) string {
	d /= time.Duration(max(q.TimeScale, 1))
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if d%unit.length == 0 {
			return strconv.FormatInt(int64(d/unit.length), 10) + unit.name
		}
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
}

// over returns "increase(metric{...}[5m])".
func (q Queries) over(function, metric, window string, matchers []string) string {
	return fmt.Sprintf("%s(%s[%s])", function, q.Select(metric, matchers...), window)
}

// Requests returns how many requests there were in a window, or a second with the
// function rate, by labels.
func (q Queries) Requests(function, by, window string, matchers ...string) string {
	if q.Native {
		return "histogram_count(" + sum(by, q.over(function, requests, window, matchers)) + ")"
	}
	return sum(by, q.over(function, requests+"_count", window, matchers))
}

// Within returns how many requests of a window took at most the latency.
func (q Queries) Within(latency time.Duration, by, window string, matchers ...string) string {
	if q.Native {
		all := sum(by, q.over("increase", requests, window, matchers))
		return fmt.Sprintf("histogram_fraction(0, %s, %s)\n* histogram_count(%s)", number(latency), all, all)
	}
	return sum(by, q.over("increase", requests+"_bucket", window, append(slices.Clip(matchers), le(latency))))
}

// Quantile returns a quantile of a histogram of durations, by labels.
func (q Queries) Quantile(p float64, metric, by, window string, matchers ...string) string {
	share := strconv.FormatFloat(p, 'g', -1, 64)
	if q.Native {
		return fmt.Sprintf("histogram_quantile(%s, %s)", share, sum(by, q.over("rate", metric, window, matchers)))
	}
	return fmt.Sprintf("histogram_quantile(%s, %s)", share, sum(join("le", by), q.over("rate", metric+"_bucket", window, matchers)))
}

// RequestQuantile returns a quantile of the durations of requests.
func (q Queries) RequestQuantile(p float64, by, window string, matchers ...string) string {
	return q.Quantile(p, requests, by, window, matchers...)
}

// Count returns the name of the series that a histogram is counted by, and what
// counts it.
func (q Queries) Count(metric, by, window string, matchers ...string) string {
	if q.Native {
		return "histogram_count(" + sum(by, q.over("rate", metric, window, matchers)) + ")"
	}
	return sum(by, q.over("rate", metric+"_count", window, matchers))
}

// Sum returns the sum of a function over a window, such as rate, by labels.
func (q Queries) Sum(function, metric, by, window string, matchers ...string) string {
	return sum(by, q.over(function, metric, window, matchers))
}

func sum(by, of string) string {
	if by == "" {
		return "sum(" + of + ")"
	}
	return "sum by (" + by + ") (" + of + ")"
}

func join(label, others string) string {
	if others == "" {
		return label
	}
	return label + ", " + others
}

// le matches a bucket, in the form of the text format ("1") and of OpenMetrics
// ("1.0"), which Prometheus keeps as it was scraped.
func le(latency time.Duration) string {
	if text := number(latency); strings.Contains(text, ".") {
		return `le="` + text + `"`
	}
	return fmt.Sprintf(`le=~"%s([.]0)?"`, number(latency))
}

func number(latency time.Duration) string {
	return strconv.FormatFloat(latency.Seconds(), 'g', -1, 64)
}

// Named returns a matcher of RPCs of one service by name.
func Named(names []string) string {
	if len(names) == 1 {
		return `rpc_method="` + names[0] + `"`
	}
	service := names[0][:strings.Index(names[0], "/")+1]
	methods := make([]string, len(names))
	for i, name := range names {
		methods[i] = strings.TrimPrefix(name, service)
	}
	return `rpc_method=~"` + Escape(service) + "(" + strings.Join(methods, "|") + `)"`
}

// Escape returns what matches a text and nothing else.
func Escape(text string) string {
	return strings.ReplaceAll(regexp.QuoteMeta(text), `\.`, "[.]")
}
