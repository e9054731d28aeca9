package policy_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/policy"
)

// valid returns a policy with every block within its limits.
func valid() policy.Method {
	return policy.Method{
		Timeout: &policy.Timeout{Duration: 5 * time.Second},
		Retry: &policy.Retry{
			MaxAttempts:          3,
			InitialBackoff:       50 * time.Millisecond,
			MaxBackoff:           time.Second,
			BackoffMultiplier:    2,
			RetryableStatusCodes: []codes.Code{codes.Unavailable},
			Budget:               policy.RetryBudget{Percent: 20, MinPerSecond: 3},
		},
		CircuitBreaker: &policy.CircuitBreaker{
			ErrorThresholdPercent: 50,
			Window:                10 * time.Second,
			MinimumCalls:          20,
			OpenDuration:          30 * time.Second,
			HalfOpenCalls:         3,
			FailureStatusCodes:    []codes.Code{codes.Unavailable},
		},
		RateLimits: []policy.RateLimit{{
			Name: "house", Requests: 100, Interval: time.Minute, Burst: 100,
			Key:  policy.RateLimitKey{Source: policy.KeyClientIP},
			Cost: policy.RateLimitCost{Units: 1},
		}},
		Cache:       &policy.Cache{TTL: time.Minute, KeyFields: []string{"id"}, VaryHeaders: []string{"Accept-Language"}, Tags: []string{"thing:{id}"}},
		Concurrency: &policy.Concurrency{MaxInFlight: 100, Adaptive: true, MaxQueue: 10, Criticality: policy.CriticalityCritical},
		Auth:        &policy.Auth{Requirement: policy.AuthRequired, Scopes: []string{"read"}, Roles: []string{"reader"}},
		Version:     &policy.Version{Deprecated: day(1), Sunset: day(2), Successor: "/v2/things/{id}", Link: "https://docs.example.com"},
		Objective:   &policy.Objective{Latency: 20 * time.Millisecond, Percentile: 95, ErrorPercent: 1, Window: policy.DefaultObjectiveWindow},
		Limits:      &policy.Limits{MaxRequestBytes: 1, MaxResponseBytes: 1 << 30},
		Response: &policy.Response{
			Status: 201, Location: "/v2/things/{id}",
		},
		Forward: &policy.Forward{Headers: []string{"Accept-Language", "X-Tenant"}},
		Etag:    &policy.Etag{Field: "id"},
	}
}

func hedge() *policy.Hedge {
	return &policy.Hedge{
		Delay: 50 * time.Millisecond, MaxAttempts: 2, NonFatalStatusCodes: []codes.Code{codes.Unavailable},
		Budget: policy.RetryBudget{Percent: 20, MinPerSecond: 3},
	}
}

func hook() *policy.Webhook {
	return &policy.Webhook{Scheme: policy.WebhookStandard, Secret: "shop", EventField: "event.type", Event: "order.paid"}
}

func shared(header string) *policy.Webhook {
	return &policy.Webhook{Scheme: policy.WebhookSharedSecret, Secret: "shop", Header: header}
}

// names returns so many headers.
func names(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = "X-" + strings.Repeat("a", i+1)
	}
	return list
}

func day(n int) time.Time { return time.Date(2026, time.October, n, 0, 0, 0, 0, time.UTC) }

// paths returns the paths of faults.
func paths(faults []policy.Fault) []string {
	var found []string
	for _, f := range faults {
		found = append(found, f.Path)
	}
	return found
}

func TestValidateLimits(t *testing.T) {
	tests := []struct {
		name   string
		change func(m *policy.Method)
		wrong  string // paths; "": nothing
	}{
		{"valid", func(*policy.Method) {}, ""},
		{"nothing", func(m *policy.Method) { *m = policy.Method{} }, ""},
		{"timeout least", func(m *policy.Method) { m.Timeout.Duration = time.Millisecond }, ""},
		{"timeout most", func(m *policy.Method) { m.Timeout.Duration = time.Hour }, ""},
		{"timeout too short", func(m *policy.Method) { m.Timeout.Duration = time.Millisecond - 1 }, "timeout.duration"},
		{"timeout too long", func(m *policy.Method) { m.Timeout.Duration = time.Hour + 1 }, "timeout.duration"},
		{"retry zero", func(m *policy.Method) { m.Retry = &policy.Retry{} },
			"retry.max_attempts retry.initial_backoff retry.backoff_multiplier retry.retryable_status_codes retry.budget.percent"},
		{"retry most", func(m *policy.Method) { m.Retry.MaxAttempts, m.Retry.BackoffMultiplier = 5, 10 }, ""},
		{"retry least", func(m *policy.Method) {
			m.Retry.InitialBackoff, m.Retry.MaxBackoff, m.Retry.BackoffMultiplier = 1, 1, 1
		}, ""},
		{"retry infinity", func(m *policy.Method) { m.Retry.BackoffMultiplier = math.Inf(1) }, "retry.backoff_multiplier"},
		{"retry nan", func(m *policy.Method) { m.Retry.BackoffMultiplier = math.NaN() }, "retry.backoff_multiplier"},
		{"retry negative", func(m *policy.Method) { m.Retry.PerAttemptTimeout, m.Retry.Budget.MinPerSecond = -1, -1 },
			"retry.per_attempt_timeout retry.budget.min_per_second"},
		{"retry code unknown", func(m *policy.Method) { m.Retry.RetryableStatusCodes = []codes.Code{17} }, "retry.retryable_status_codes[0]"},
		{"hedge", func(m *policy.Method) { m.Hedge = hedge() }, ""},
		{"hedge zero", func(m *policy.Method) { m.Hedge = &policy.Hedge{} },
			"hedge.max_attempts hedge.non_fatal_status_codes hedge.budget.percent"},
		{"hedge at once", func(m *policy.Method) { m.Hedge = hedge(); m.Hedge.Delay, m.Hedge.MaxAttempts = 0, 5 }, ""},
		{"hedge too many", func(m *policy.Method) { m.Hedge = hedge(); m.Hedge.MaxAttempts = 6 }, "hedge.max_attempts"},
		{"hedge negative", func(m *policy.Method) { m.Hedge = hedge(); m.Hedge.Delay, m.Hedge.Budget.MinPerSecond = -1, -1 },
			"hedge.delay hedge.budget.min_per_second"},
		{"hedge business error", func(m *policy.Method) { m.Hedge = hedge(); m.Hedge.NonFatalStatusCodes = []codes.Code{codes.NotFound} },
			"hedge.non_fatal_status_codes[0]"},
		{"breaker zero", func(m *policy.Method) { m.CircuitBreaker = &policy.CircuitBreaker{} },
			"circuit_breaker.error_threshold_percent circuit_breaker.window circuit_breaker.minimum_calls circuit_breaker.open_duration " +
				"circuit_breaker.half_open_calls circuit_breaker.failure_status_codes"},
		{"breaker does not grow", func(m *policy.Method) { m.CircuitBreaker.MaxOpenDuration = m.CircuitBreaker.OpenDuration }, ""},
		{"breaker grows most", func(m *policy.Method) { m.CircuitBreaker.MaxOpenDuration = time.Hour }, ""},
		{"breaker grows too long", func(m *policy.Method) { m.CircuitBreaker.MaxOpenDuration = time.Hour + 1 }, "circuit_breaker.max_open_duration"},
		{"breaker shrinks", func(m *policy.Method) { m.CircuitBreaker.MaxOpenDuration = m.CircuitBreaker.OpenDuration - 1 }, "circuit_breaker.max_open_duration"},
		{"breaker negative", func(m *policy.Method) { m.CircuitBreaker.SlowCallDuration = -1 }, "circuit_breaker.slow_call_duration"},
		{"breaker slow without percent", func(m *policy.Method) { m.CircuitBreaker.SlowCallDuration = time.Second }, "circuit_breaker.slow_call_threshold_percent"},
		{"breaker slow at once", func(m *policy.Method) {
			m.CircuitBreaker.SlowCallDuration, m.CircuitBreaker.SlowCallThresholdPercent = 1, 50
		}, "circuit_breaker.slow_call_duration"},
		{"hedge too late", func(m *policy.Method) { m.Hedge = hedge(); m.Hedge.Delay = 2 * time.Hour }, "hedge.delay"},
		{"attempt of a day", func(m *policy.Method) { m.Retry.PerAttemptTimeout = 24 * time.Hour }, "retry.per_attempt_timeout"},
		{"attempt of no time", func(m *policy.Method) { m.Retry.PerAttemptTimeout = 1 }, "retry.per_attempt_timeout"},
		{"limit of no requests at once either", func(m *policy.Method) { m.RateLimits[0].Requests, m.RateLimits[0].Burst = -1, -1 },
			"rate_limits[0].requests rate_limits[0].burst"},
		{"limit of no burst with leases", func(m *policy.Method) {
			l := &m.RateLimits[0]
			l.Burst, l.Lease, l.Shared, l.OnStoreFailure = 0, 5, true, policy.FailureAllow
		}, "rate_limits[0].burst"},
		{"breaker open too long", func(m *policy.Method) {
			m.CircuitBreaker.OpenDuration, m.CircuitBreaker.MaxOpenDuration = 2*time.Hour, time.Hour
		}, "circuit_breaker.open_duration"},
		{"tag of a shell", func(m *policy.Method) { m.Cache.Tags = []string{"thing:${id}"} }, "cache.tags[0]"},
		{"limit zero", func(m *policy.Method) { m.RateLimits[0] = policy.RateLimit{} },
			"rate_limits[0].name rate_limits[0].requests rate_limits[0].interval rate_limits[0].burst rate_limits[0].cost.units"},
		{"limit name longest", func(m *policy.Method) { m.RateLimits[0].Name = strings.Repeat("a-_9", 16) }, ""},
		{"limit name too long", func(m *policy.Method) { m.RateLimits[0].Name = strings.Repeat("a", 65) }, "rate_limits[0].name"},
		{"limit name twice", func(m *policy.Method) { m.RateLimits = slices.Repeat(m.RateLimits, 2) }, "rate_limits[1].name"},
		{"limit by a forwarded address", func(m *policy.Method) {
			m.RateLimits[0].Key = policy.RateLimitKey{Source: policy.KeyHeader, Header: "X-Forwarded-For"}
		}, "rate_limits[0].key.header"},
		{"limit by credentials", func(m *policy.Method) {
			m.RateLimits[0].Key = policy.RateLimitKey{Source: policy.KeyHeader, Header: "authorization"}
		}, "rate_limits[0].key.header"},
		{"limit header", func(m *policy.Method) { m.RateLimits[0].Key = policy.RateLimitKey{Source: policy.KeyHeader} }, "rate_limits[0].key.header"},
		{"limit cost is all", func(m *policy.Method) { m.RateLimits[0].Cost.Units = 100 }, ""},
		{"limit cost too high", func(m *policy.Method) { m.RateLimits[0].Cost.Units = 101 }, "rate_limits[0].cost.units"},
		{"cache too short", func(m *policy.Method) { m.Cache.TTL = time.Second - 1 }, "cache.ttl"},
		{"cache stale least", func(m *policy.Method) { m.Cache.StaleIfError = time.Second }, ""},
		{"cache stale most", func(m *policy.Method) { m.Cache.StaleIfError = 168 * time.Hour }, ""},
		{"cache stale too short", func(m *policy.Method) { m.Cache.StaleIfError = time.Second - 1 }, "cache.stale_if_error"},
		{"cache stale too long", func(m *policy.Method) { m.Cache.StaleIfError = 168*time.Hour + 1 }, "cache.stale_if_error"},
		{"cache stale negative", func(m *policy.Method) { m.Cache.StaleIfError = -1 }, "cache.stale_if_error"},
		{"cache header", func(m *policy.Method) { m.Cache.VaryHeaders = []string{"a\r\nb"} }, "cache.vary_headers[0]"},
		{"cache header of a connection", func(m *policy.Method) { m.Cache.VaryHeaders = []string{"Te", "X-Forwarded-For", "If-Match"} },
			"cache.vary_headers[0] cache.vary_headers[1] cache.vary_headers[2]"},
		{"cache credentials", func(m *policy.Method) { m.Cache.VaryHeaders = []string{"Authorization", "Cookie"} }, ""},
		{"cache tag", func(m *policy.Method) { m.Cache.Tags = []string{"{id"} }, "cache.tags[0]"},
		{"invalidates nothing", func(m *policy.Method) { m.Invalidates = &policy.Invalidates{} }, "invalidates.tags"},
		{"concurrency zero", func(m *policy.Method) { m.Concurrency = &policy.Concurrency{} }, "concurrency.max_in_flight"},
		{"concurrency least", func(m *policy.Method) { m.Concurrency = &policy.Concurrency{MaxInFlight: 1} }, ""},
		{"concurrency most", func(m *policy.Method) { m.Concurrency.MaxInFlight, m.Concurrency.MaxQueue = 1e6, 1e5 }, ""},
		{"concurrency too much", func(m *policy.Method) { m.Concurrency.MaxInFlight, m.Concurrency.MaxQueue = 1e6+1, 1e5+1 },
			"concurrency.max_in_flight concurrency.max_queue"},
		{"concurrency negative", func(m *policy.Method) { m.Concurrency.MaxInFlight, m.Concurrency.MaxQueue = -1, -1 },
			"concurrency.max_in_flight concurrency.max_queue"},
		{"concurrency criticality", func(m *policy.Method) { m.Concurrency.Criticality = "urgent" }, "concurrency.criticality"},
		{"auth scope", func(m *policy.Method) { m.Auth.Scopes = []string{"a", "b\"", "a"} }, "auth.scopes[2] auth.scopes[1]"},
		{"auth none", func(m *policy.Method) { m.Auth.Requirement = policy.AuthNone }, "auth.scopes auth.roles"},
		{"version zero", func(m *policy.Method) { m.Version = &policy.Version{} }, "version"},
		{"version sunset alone", func(m *policy.Method) { m.Version.Deprecated = time.Time{} }, "version.sunset"},
		{"version sunset equal", func(m *policy.Method) { m.Version.Sunset = day(1) }, "version.sunset"},
		{"version link", func(m *policy.Method) { m.Version.Link = "javascript:alert(1)" }, "version.link"},
		{"version successor", func(m *policy.Method) { m.Version.Successor = "ftp://example.com/" }, "version.successor"},
		{"version header injected", func(m *policy.Method) { m.Version.Successor = "/v2\r\nSet-Cookie: a" }, "version.successor"},
		{"objective zero", func(m *policy.Method) { m.Objective = &policy.Objective{} }, "objective objective.window"},
		{"objective of errors alone", func(m *policy.Method) { m.Objective.Latency, m.Objective.Percentile = 0, 0 }, ""},
		{"objective of latency alone", func(m *policy.Method) { m.Objective.ErrorPercent = 0 }, ""},
		{"objective least", func(m *policy.Method) {
			m.Objective = &policy.Objective{Latency: time.Millisecond, Percentile: 50, ErrorPercent: 0.001, Window: 168 * time.Hour}
		}, ""},
		{"objective most", func(m *policy.Method) {
			m.Objective = &policy.Objective{Latency: time.Hour, Percentile: 99.99, ErrorPercent: 50, Window: 2160 * time.Hour}
		}, ""},
		{"objective beyond", func(m *policy.Method) {
			m.Objective = &policy.Objective{Latency: time.Hour + 1, Percentile: 99.991, ErrorPercent: 50.1, Window: 2161 * time.Hour}
		}, "objective.latency objective.percentile objective.error_percent objective.window"},
		{"objective below", func(m *policy.Method) {
			m.Objective = &policy.Objective{Latency: 1, Percentile: 49.99, ErrorPercent: 0.0009, Window: 167 * time.Hour}
		}, "objective.latency objective.percentile objective.error_percent objective.window"},
		{"objective nan", func(m *policy.Method) { m.Objective.ErrorPercent = math.NaN() }, "objective.error_percent"},
		{"objective percentile nan", func(m *policy.Method) { m.Objective.Percentile = math.NaN() }, "objective.percentile"},
		{"objective percentile of nothing", func(m *policy.Method) { m.Objective.Latency = 0 }, "objective.percentile"},
		{"stream zero", func(m *policy.Method) { m.Stream = &policy.Stream{} },
			"stream.heartbeat stream.retry stream.buffer_bytes stream.max_per_principal stream.max_per_address"},
		{"socket zero", func(m *policy.Method) { m.Stream = stream(); m.Stream.Path = "/a" }, "stream.max_message_bytes stream.messages_per_second"},
		{"stream least", func(m *policy.Method) { m.Stream = socket() }, ""},
		{"place without an id", func(m *policy.Method) { m.Stream = stream(); m.Stream.ResumeField = "a" }, "stream.resume_field"},
		{"id without a place", func(m *policy.Method) { m.Stream = stream(); m.Stream.IDField = "a" }, "stream.id_field"},
		{"etag zero", func(m *policy.Method) { m.Etag = &policy.Etag{} }, "etag.field"},
		{"webhook zero", func(m *policy.Method) { m.Webhook = &policy.Webhook{} }, "webhook.secret"},
		{"webhook", func(m *policy.Method) { m.Webhook = hook() }, ""},
		{"webhook scheme", func(m *policy.Method) { m.Webhook = hook(); m.Webhook.Scheme = 3 }, "webhook.scheme"},
		{"webhook secret", func(m *policy.Method) { m.Webhook = hook(); m.Webhook.Secret = "whsec_AbC" }, "webhook.secret"},
		{"webhook secret too long", func(m *policy.Method) { m.Webhook = hook(); m.Webhook.Secret = strings.Repeat("a", 64) }, "webhook.secret"},
		{"webhook field without event", func(m *policy.Method) { m.Webhook = hook(); m.Webhook.Event = "" }, "webhook.event_field"},
		{"webhook event without field", func(m *policy.Method) { m.Webhook = hook(); m.Webhook.EventField = "" }, "webhook.event"},
		{"webhook no path", func(m *policy.Method) { m.Webhook = hook(); m.Webhook.EventField = "a..b" }, "webhook.event_field"},
		{"webhook event too long", func(m *policy.Method) { m.Webhook = hook(); m.Webhook.Event = strings.Repeat("a", 257) }, "webhook.event"},
		{"webhook header of what is signed", func(m *policy.Method) { m.Webhook = hook(); m.Webhook.Header = "X-Secret" }, "webhook.header"},
		{"webhook shared", func(m *policy.Method) { m.Webhook = shared("Authorization") }, ""},
		{"webhook without a header", func(m *policy.Method) { m.Webhook = shared("") }, "webhook.header"},
		{"webhook header with a meaning", func(m *policy.Method) { m.Webhook = shared("Content-Type") }, "webhook.header"},
		{"limits zero", func(m *policy.Method) { m.Limits = &policy.Limits{} }, "limits"},
		{"limits too large", func(m *policy.Method) { m.Limits.MaxRequestBytes = 1<<30 + 1 }, "limits.max_request_bytes"},
		{"response zero", func(m *policy.Method) { m.Response = &policy.Response{} }, ""},
		{"response status", func(m *policy.Method) { m.Response = &policy.Response{Status: 302} }, "response.status"},
		{"response elsewhere", func(m *policy.Method) { m.Response.Location = "//example.com/{id}" }, "response.location"},
		{"forward nothing", func(m *policy.Method) { m.Forward = &policy.Forward{} }, "forward.headers"},
		{"forward what a client may say", func(m *policy.Method) { m.Forward.Headers = []string{"Cookie", "X-Api-Key", "User-Agent", "If-Match"} }, ""},
		{"forward too many", func(m *policy.Method) { m.Forward.Headers = names(17) }, "forward.headers"},
		{"forward the most", func(m *policy.Method) { m.Forward.Headers = names(16) }, ""},
		{"forward twice", func(m *policy.Method) { m.Forward.Headers = []string{"x-a", "", "X-A"} }, "forward.headers[1] forward.headers[2]"},
		{"forward no names", func(m *policy.Method) { m.Forward.Headers = []string{"*", "a b", "x!", "Grpc-Metadata-A"} },
			"forward.headers[0] forward.headers[1] forward.headers[2] forward.headers[3]"},
		{"forward what belongs to a connection", func(m *policy.Method) { m.Forward.Headers = []string{"Connection", "TE", "Host", "Content-Type"} },
			"forward.headers[0] forward.headers[1] forward.headers[2] forward.headers[3]"},
		{"forward what proxies say", func(m *policy.Method) {
			m.Forward.Headers = []string{"X-Forwarded-For", "X-Real-Ip", "Traceparent", "X-User-Id"}
		},
			"forward.headers[0] forward.headers[1] forward.headers[2] forward.headers[3]"},
		{"forward what travels", func(m *policy.Method) { m.Forward.Headers = []string{"authorization", "X-Venta-A"} }, "forward.headers[0] forward.headers[1]"},
		{"response backslash", func(m *policy.Method) { m.Response.Location = `/\example.com` }, "response.location"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := valid()
			test.change(&m)
			if diff := cmp.Diff(strings.Fields(test.wrong), append([]string{}, paths(m.ValidateLimits())...)); diff != "" {
				t.Errorf("paths (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFaultString(t *testing.T) {
	m := valid()
	m.Timeout.Duration = 2 * time.Hour
	const want = "timeout.duration: 2h is out of limits; write a duration from 1ms to 1h"
	if got := m.ValidateLimits()[0].String(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
