package gateway_test

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/telemetry"
)

// nobody verifies no token.
type nobody struct{}

func (nobody) Verify(context.Context, string) (*auth.Principal, error) {
	return nil, auth.ErrNoVerifier
}

// eventsOf writes the events of a request's span, one after the other.
func eventsOf(span sdktrace.ReadOnlySpan) string {
	var all []string
	for _, e := range span.Events() {
		values := map[string]string{}
		for _, kv := range e.Attributes {
			values[string(kv.Key)] = kv.Value.String()
		}
		words := []string{strings.TrimPrefix(e.Name, "venta.")}
		for _, key := range slices.Sorted(maps.Keys(values)) {
			words = append(words, values[key])
		}
		all = append(all, strings.Join(words, " "))
	}
	return strings.Join(all, "; ")
}

// requestSpans are those of requests, in the order of their ends.
func requestSpans(all []sdktrace.ReadOnlySpan) []sdktrace.ReadOnlySpan {
	return slices.DeleteFunc(slices.Clone(all), func(s sdktrace.ReadOnlySpan) bool { return s.SpanKind() != trace.SpanKindServer })
}

// TestPoliciesAreEventsOfTheSpan holds what a trace tells of each policy: on a
// request that is sampled, and on one that is traced because it has failed.
func TestPoliciesAreEventsOfTheSpan(t *testing.T) {
	down := func(context.Context, int64) error { return status.Error(codes.Unavailable, "down") }
	shadowed := limit(1, policy.KeyGlobal)
	shadowed.Shadow = true
	tests := []struct {
		name     string
		policy   policy.Method
		invoke   func(context.Context, int64) error
		path     string
		requests int
		want     string // of the last
	}{
		{"nothing", policy.Method{}, nil, "/v2/vendors/7", 1, ""},
		{"a miss", policy.Method{Cache: &policy.Cache{TTL: time.Minute, KeyFields: []string{"id"}, Audience: policy.AudiencePublic}}, nil, "/v2/vendors/7", 1, "cache miss"},
		{"a hit", policy.Method{Cache: &policy.Cache{TTL: time.Minute, KeyFields: []string{"id"}, Audience: policy.AudiencePublic}}, nil, "/v2/vendors/7", 2, "cache hit"},
		{"a limit", policy.Method{RateLimits: []policy.RateLimit{limit(1, policy.KeyGlobal)}}, nil, "/v2/vendors/7", 2, "refused rate_limits l RATE_LIMITED"},
		{"a limit in shadow", policy.Method{RateLimits: []policy.RateLimit{shadowed}}, nil, "/v2/vendors/7", 2, "policy.shadow rate_limits refuse l"},
		{"credentials", policy.Method{Auth: &policy.Auth{Requirement: policy.AuthRequired}}, nil, "/v2/vendors/7", 1, "refused auth CREDENTIALS_MISSING"},
		{"a breaker", policy.Method{CircuitBreaker: breakerPolicy(1)}, down, "/v2/vendors/7", 1, "closed open"},
		{"an open breaker", policy.Method{CircuitBreaker: breakerPolicy(1)}, down, "/v2/vendors/7", 2, "refused circuit_breaker CIRCUIT_OPEN"},
		{"attempts", policy.Method{Retry: &policy.Retry{
			MaxAttempts: 2, InitialBackoff: time.Millisecond, MaxBackoff: time.Millisecond, BackoffMultiplier: 1,
			RetryableStatusCodes: []codes.Code{codes.Unavailable}, Budget: policy.RetryBudget{Percent: 100, MinPerSecond: 10},
		}}, down, "/v2/vendors/7", 1, "retry 1 retried; retry 2 exhausted"},
		{"time", policy.Method{Timeout: &policy.Timeout{Duration: time.Millisecond}}, func(ctx context.Context, _ int64) error {
			<-ctx.Done()
			return status.FromContextError(ctx.Err()).Err()
		}, "/v2/vendors/7", 1, "refused timeout TIMEOUT_EXCEEDED"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			recorder := tracetest.NewSpanRecorder()
			s := stacked(t, service(test.policy), &scripted{invoke: test.invoke}, gateway.Options{
				Verifier:       nobody{},
				TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)),
			})
			late := tracetest.NewSpanRecorder()
			unsampled := stacked(t, service(test.policy), &scripted{invoke: test.invoke}, gateway.Options{
				Verifier:         nobody{},
				TracerProvider:   sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample())),
				TracedAfterwards: telemetry.Afterwards{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(late))},
			})
			var last answer
			for range test.requests {
				last = s.do("GET", test.path)
				unsampled.do("GET", test.path)
			}
			sampled := requestSpans(recorder.Ended())
			if got := eventsOf(sampled[len(sampled)-1]); !strings.HasSuffix(got, test.want) || test.want == "" && got != "" {
				t.Errorf("%d %s\ntold %q, want %q", last.status, last.body, got, test.want)
			}
			afterwards := requestSpans(late.Ended())
			if failed := last.status >= http.StatusInternalServerError; failed != (len(afterwards) > 0) {
				t.Fatalf("%d: %d spans afterwards", last.status, len(afterwards))
			}
			if n := len(afterwards); n > 0 && eventsOf(afterwards[n-1]) != eventsOf(sampled[len(sampled)-1]) {
				t.Errorf("told afterwards %q, when sampled %q", eventsOf(afterwards[n-1]), eventsOf(sampled[len(sampled)-1]))
			}
		})
	}
}

// TestBrokenStreamIsTracedAfterwards is of a stream whose response began well.
func TestBrokenStreamIsTracedAfterwards(t *testing.T) {
	late := tracetest.NewSpanRecorder()
	up := &scripted{stream: func(context.Context, int64) scriptedStream {
		return scriptedStream{messages: 1, end: func() error { return status.Error(codes.Unavailable, "down") }}
	}}
	s := stacked(t, watching(policy.Method{}), up, gateway.Options{
		TracerProvider:   sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample())),
		TracedAfterwards: telemetry.Afterwards{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(late))},
	})
	got := s.do("GET", "/v1/watch")
	if all := late.Ended(); got.status != http.StatusOK || len(all) != 2 || all[0].SpanKind() != trace.SpanKindClient {
		t.Errorf("%d, %d spans", got.status, len(all))
	}
}

// TestSlowerThanPromised holds that a request is slow once it takes longer than its
// RPC promises, whatever holds for others.
func TestSlowerThanPromised(t *testing.T) {
	for latency, want := range map[time.Duration]int{time.Second: 1, time.Minute: 0} {
		synctest.Test(t, func(t *testing.T) {
			late := tracetest.NewSpanRecorder()
			promise := policy.Method{Objective: &policy.Objective{Latency: latency, Percentile: 95, Window: 30 * 24 * time.Hour}}
			slow := &scripted{invoke: func(context.Context, int64) error {
				time.Sleep(10 * time.Second) // virtual
				return nil
			}}
			s := stacked(t, service(promise), slow, gateway.Options{
				TracerProvider:   sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample())),
				TracedAfterwards: telemetry.Afterwards{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(late)), SlowAfter: time.Nanosecond},
			})
			s.do("GET", "/v2/vendors/7")
			if got := len(requestSpans(late.Ended())); got != want {
				t.Errorf("promised in %v: %d spans", latency, got)
			}
		})
	}
}
