package annotation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/policy/annotation"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// parse reads an annotation as a schema writes it.
func parse(t *testing.T, text string) *policyv1.Policy {
	t.Helper()
	p := &policyv1.Policy{}
	if err := prototext.Unmarshal([]byte(text), p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDecodeDefaults(t *testing.T) {
	failures := []codes.Code{codes.Unknown, codes.DeadlineExceeded, codes.Internal, codes.Unavailable, codes.DataLoss}
	tests := []struct {
		text string
		want policy.Method
	}{
		{``, policy.Method{}},
		{`retry: {max_attempts: 3}`, policy.Method{Retry: &policy.Retry{
			MaxAttempts: 3, InitialBackoff: 50 * time.Millisecond, MaxBackoff: time.Second, BackoffMultiplier: 2,
			RetryableStatusCodes: []codes.Code{codes.Unavailable}, Budget: policy.RetryBudget{Percent: 20, MinPerSecond: 3},
		}}},
		{`retry: {max_attempts: 2 budget: {percent: 1}}`, policy.Method{Retry: &policy.Retry{
			MaxAttempts: 2, InitialBackoff: 50 * time.Millisecond, MaxBackoff: time.Second, BackoffMultiplier: 2,
			RetryableStatusCodes: []codes.Code{codes.Unavailable}, Budget: policy.RetryBudget{Percent: 1, MinPerSecond: 3},
		}}},
		{`retry: {max_attempts: 2 budget: {min_per_second: 0}}`, policy.Method{Retry: &policy.Retry{
			MaxAttempts: 2, InitialBackoff: 50 * time.Millisecond, MaxBackoff: time.Second, BackoffMultiplier: 2,
			RetryableStatusCodes: []codes.Code{codes.Unavailable}, Budget: policy.RetryBudget{Percent: 20},
		}}},
		{`cache: {ttl: "1m" stale_if_error: "1h"}`, policy.Method{Cache: &policy.Cache{TTL: time.Minute, StaleIfError: time.Hour}}},
		{`hedge: {delay: "0s" max_attempts: 3}`, policy.Method{Hedge: &policy.Hedge{
			MaxAttempts: 3, NonFatalStatusCodes: []codes.Code{codes.Unavailable}, Budget: policy.RetryBudget{Percent: 20, MinPerSecond: 3},
		}}},
		{`hedge: {delay: "5ms" max_attempts: 2 non_fatal_status_codes: [ABORTED] budget: {percent: 1 min_per_second: 0}}`,
			policy.Method{Hedge: &policy.Hedge{
				Delay: 5 * time.Millisecond, MaxAttempts: 2, NonFatalStatusCodes: []codes.Code{codes.Aborted}, Budget: policy.RetryBudget{Percent: 1},
			}}},
		{`circuit_breaker: {}`, policy.Method{CircuitBreaker: &policy.CircuitBreaker{
			ErrorThresholdPercent: 50, Window: 10 * time.Second, MinimumCalls: 20, OpenDuration: 30 * time.Second, MaxOpenDuration: 5 * time.Minute,
			HalfOpenCalls: 3, FailureStatusCodes: failures,
		}}},
		{`circuit_breaker: {open_duration: "10m"}`, policy.Method{CircuitBreaker: &policy.CircuitBreaker{
			ErrorThresholdPercent: 50, Window: 10 * time.Second, MinimumCalls: 20, OpenDuration: 10 * time.Minute, MaxOpenDuration: time.Hour,
			HalfOpenCalls: 3, FailureStatusCodes: failures,
		}}},
		{`circuit_breaker: {slow_call_duration: "2s" scope: SCOPE_UNSPECIFIED}`, policy.Method{CircuitBreaker: &policy.CircuitBreaker{
			ErrorThresholdPercent: 50, Window: 10 * time.Second, MinimumCalls: 20, OpenDuration: 30 * time.Second, MaxOpenDuration: 5 * time.Minute,
			HalfOpenCalls: 3, FailureStatusCodes: failures, SlowCallDuration: 2 * time.Second, SlowCallThresholdPercent: 100,
		}}},
		{`rate_limits: [{requests: 10 interval: "1m"}]`, policy.Method{RateLimits: []policy.RateLimit{{
			Name: "default", Requests: 10, Interval: time.Minute, Burst: 10,
			Key: policy.RateLimitKey{Source: policy.KeyClientIP}, Cost: policy.RateLimitCost{Units: 1},
		}}}},
		{`cache: {ttl: "1h30m" vary_headers: "accept-language"}`, policy.Method{Cache: &policy.Cache{
			TTL: 90 * time.Minute, VaryHeaders: []string{"Accept-Language"},
		}}},
		{`concurrency: {max_in_flight: 7}`, policy.Method{Concurrency: &policy.Concurrency{MaxInFlight: 7}}},
		{`concurrency: {max_in_flight: 7 criticality: CRITICALITY_DEFAULT scope: SCOPE_METHOD}`,
			policy.Method{Concurrency: &policy.Concurrency{MaxInFlight: 7}}},
		{`concurrency: {max_in_flight: 7 adaptive: true max_queue: 3 criticality: CRITICALITY_CRITICAL scope: SCOPE_SERVICE}`,
			policy.Method{Concurrency: &policy.Concurrency{
				MaxInFlight: 7, Adaptive: true, MaxQueue: 3, Criticality: policy.CriticalityCritical, PerService: true,
			}}},
		{`concurrency: {max_in_flight: 7 criticality: CRITICALITY_SHEDDABLE}`,
			policy.Method{Concurrency: &policy.Concurrency{MaxInFlight: 7, Criticality: policy.CriticalitySheddable}}},
		{`timeout: {idle: "1m" duration: "1h" mode: MODE_SHADOW}`, policy.Method{Timeout: &policy.Timeout{Idle: time.Minute, Duration: time.Hour, Shadow: true}}},
		{`rate_limits: {
			requests: 10 interval: "1m" scope: SCOPE_SHARED on_store_failure: ON_STORE_FAILURE_LOCAL lease: 5 mode: MODE_SHADOW key: {api_key: true}
			tiers: [{claim: "plan" value: "gold" requests: 100}, {claim: "plan" value: "iron" requests: 20 burst: 9}]
		}`, policy.Method{RateLimits: []policy.RateLimit{{
			Name: "default", Requests: 10, Interval: time.Minute, Burst: 10,
			Key: policy.RateLimitKey{Source: policy.KeyAPIKey}, Cost: policy.RateLimitCost{Units: 1},
			Tiers: []policy.RateLimitTier{
				{Claim: "plan", Value: "gold", Requests: 100, Burst: 100}, {Claim: "plan", Value: "iron", Requests: 20, Burst: 9},
			},
			Shared: true, OnStoreFailure: policy.FailureLocal, Lease: 5, Shadow: true,
		}}}},
		{`cache: {ttl: "1m" stale_while_revalidate: "1h" negative_ttl: "5s" mode: MODE_SHADOW}`, policy.Method{Cache: &policy.Cache{
			TTL: time.Minute, StaleWhileRevalidate: time.Hour, NegativeTTL: 5 * time.Second, Shadow: true,
		}}},
		{`auth: {requirement: REQUIREMENT_REQUIRED schemes: SCHEME_BEARER}`, policy.Method{Auth: &policy.Auth{Requirement: policy.AuthRequired}}},
		{`auth: {requirement: REQUIREMENT_REQUIRED schemes: [SCHEME_API_KEY, SCHEME_BEARER] mode: MODE_SHADOW}`, policy.Method{Auth: &policy.Auth{
			Requirement: policy.AuthRequired, Schemes: []policy.Scheme{policy.SchemeAPIKey, policy.SchemeBearer}, Shadow: true,
		}}},
		{`auth: {requirement: REQUIREMENT_OPTIONAL}`, policy.Method{Auth: &policy.Auth{Requirement: policy.AuthOptional}}},
		{`version: {deprecated: "2026-11-30T01:00:00+01:00"}`, policy.Method{Version: &policy.Version{
			Deprecated: time.Date(2026, time.November, 30, 0, 0, 0, 0, time.UTC),
		}}},
		{`limits: {max_response_bytes: 1}`, policy.Method{Limits: &policy.Limits{MaxResponseBytes: 1}}},
		{`response: {}`, policy.Method{Response: &policy.Response{}}},
		{`webhook: {scheme: SCHEME_SHARED_SECRET secret: "a"}`,
			policy.Method{Webhook: &policy.Webhook{Scheme: policy.WebhookSharedSecret, Secret: "a", Header: "X-Webhook-Secret"}}},
		{`forward: {headers: "x-tenant"}`, policy.Method{Forward: &policy.Forward{Headers: []string{"X-Tenant"}}}},
		{`timeout: {disabled: true} rate_limits: {disabled: true} cache: {disabled: true}`, policy.Method{}},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			got, faults := annotation.Decode(parse(t, test.text))
			if diff := cmp.Diff(test.want, got); diff != "" || len(faults) > 0 {
				t.Errorf("faults %v, (-want +got):\n%s", faults, diff)
			}
		})
	}
}

// TestDecodeRefuses covers how values are read; what their limits are is tested
// in package policy, and with the schema around them in the plugin.
func TestDecodeRefuses(t *testing.T) {
	tests := []struct{ text, wrong string }{
		{`timeout: {}`, "timeout.duration"},
		{`timeout: {duration: ""}`, "timeout.duration"},
		{`timeout: {duration: "1"}`, "timeout.duration"},
		{`timeout: {duration: "1s "}`, "timeout.duration"},
		{`timeout: {duration: "9223372037s"}`, "timeout.duration"},
		{`timeout: {duration: "1ms0.5ns"}`, "timeout.duration"},
		{`timeout: {duration: "1.000000000s"}`, ""},
		{`timeout: {duration: "0.1m"}`, ""},
		{`timeout: {duration: "1000.001us"}`, ""},
		{`timeout: {duration: "1000.0001us"}`, "timeout.duration"},
		{`timeout: {duration: "1000.0001µs"}`, "timeout.duration"},
		{`retry: {max_attempts: 2 per_attempt_timeout: "0"}`, "retry.per_attempt_timeout"},
		{`retry: {max_attempts: 2 per_attempt_timeout: "-1s"}`, "retry.per_attempt_timeout"},
		{`retry: {max_attempts: 2 initial_backoff: "0s"}`, "retry.initial_backoff"},
		{`retry: {max_attempts: 2 backoff_multiplier: 0}`, "retry.backoff_multiplier"},
		{`circuit_breaker: {minimum_calls: 0}`, "circuit_breaker.minimum_calls"},
		{`circuit_breaker: {open_duration: "2h"}`, "circuit_breaker.open_duration"},
		{`circuit_breaker: {open_duration: "1ms"}`, "circuit_breaker.open_duration"},
		{`circuit_breaker: {open_duration: "-1s"}`, "circuit_breaker.open_duration"},
		{`circuit_breaker: {open_duration: "2h" max_open_duration: "2h"}`, "circuit_breaker.open_duration circuit_breaker.max_open_duration"},
		{`rate_limits: {requests: 0 interval: "1s"}`, "rate_limits[0].requests"},
		{`rate_limits: {requests: 0 interval: "1s" burst: 0}`, "rate_limits[0].requests rate_limits[0].burst"},
		{`rate_limits: {requests: 2000000000 interval: "1s"}`, "rate_limits[0].requests"},
		{`rate_limits: {requests: -1 interval: "1s" burst: 5}`, "rate_limits[0].requests"},
		{`rate_limits: {requests: 0 interval: "1s" cost: {units: 5}}`, "rate_limits[0].requests"},
		{`rate_limits: {interval: "1s" cost: {units: 5}}`, "rate_limits[0].requests"},
		{`rate_limits: {interval: "1s" burst: 0}`, "rate_limits[0].requests rate_limits[0].burst"},
		{`rate_limits: {requests: -5 interval: "1s" scope: SCOPE_SHARED on_store_failure: ON_STORE_FAILURE_DENY lease: 3}`, "rate_limits[0].requests"},
		{`rate_limits: {requests: 9 interval: "1s" scope: SCOPE_SHARED on_store_failure: ON_STORE_FAILURE_DENY lease: 3 burst: 0}`, "rate_limits[0].burst"},
		{`rate_limits: {requests: 9 interval: "1s" tiers: {claim: "a" value: "b" requests: 0 burst: 0}}`,
			"rate_limits[0].tiers[0].requests rate_limits[0].tiers[0].burst"},
		{`rate_limits: {requests: 9 interval: "1s" cost: {units: 2} tiers: {claim: "a" value: "b"}}`, "rate_limits[0].tiers[0].requests"},
		{`rate_limits: {requests: 1 interval: "1s" burst: 0}`, "rate_limits[0].burst"},
		{`rate_limits: {requests: 1 interval: "1s" group: ""}`, "rate_limits[0].group"},
		{`rate_limits: {requests: 1 interval: "1s" group_scope: GROUP_SCOPE_SERVICE}`, "rate_limits[0].group_scope"},
		{`rate_limits: {requests: 1 interval: "1s" group: "A b"}`, "rate_limits[0].group"},
		{`rate_limits: [{name: "a" requests: 1 interval: "1s" group: "g"}, {name: "b" requests: 1 interval: "1s" group: "g"}]`, "rate_limits[1].group"},
		{`rate_limits: {interval: "1s"}`, "rate_limits[0].requests"},
		{`rate_limits: {requests: 1 interval: "1s" cost: {field: ""}}`, "rate_limits[0].cost.field"},
		{`cache: {ttl: "1m" tags: ["a", ""]}`, "cache.tags[1]"},
		{`auth: {requirement: REQUIREMENT_UNSPECIFIED}`, "auth.requirement"},
		{`version: {deprecated: ""}`, "version.deprecated"},
		{`version: {deprecated: "2026-02-30"}`, "version.deprecated"},
		{`version: {deprecated: "2026-02-03 04:05"}`, "version.deprecated"},
		{`limits: {max_request_bytes: 0}`, "limits.max_request_bytes"},
		{`response: {status: 0}`, "response.status"},
		{`adapts: {disabled: true}`, "adapts"},
		{`cache: {ttl: "1m" stale_if_error: "0s"}`, "cache.stale_if_error"},
		{`cache: {ttl: "1m" stale_if_error: "-1s"}`, "cache.stale_if_error"},
		{`hedge: {}`, "hedge.max_attempts hedge.delay"},
		{`hedge: {max_attempts: 2 delay: "-1ms"}`, "hedge.delay"},
		{`hedge: {max_attempts: 2 delay: "1ms" non_fatal_status_codes: [OK, 99]}`, "hedge.non_fatal_status_codes[1] hedge.non_fatal_status_codes[0]"},
		{`concurrency: {}`, "concurrency.max_in_flight"},
		{`concurrency: {max_in_flight: 0}`, "concurrency.max_in_flight"},
		{`concurrency: {max_in_flight: 1 criticality: 9}`, "concurrency.criticality"},
		{`timeout: {disabled: true duration: "1s"}`, "timeout.disabled"},
		{`timeout: {disabled: true mode: MODE_OFF}`, "timeout.disabled"},
		{`timeout: {disabled: true mode: MODE_SHADOW}`, "timeout.disabled"},
		{`response: {mode: MODE_SHADOW}`, "response.mode"},
		{`timeout: {}`, "timeout.duration"},
		{`rate_limits: {requests: 1 interval: "1s" scope: SCOPE_SHARED}`, "rate_limits[0].on_store_failure"},
		{`rate_limits: {requests: 1 interval: "1s" on_store_failure: ON_STORE_FAILURE_DENY}`, "rate_limits[0].on_store_failure"},
		{`rate_limits: {requests: 9 interval: "1s" lease: 3}`, "rate_limits[0].lease"},
		{`rate_limits: {requests: 9 interval: "1s" scope: SCOPE_SHARED on_store_failure: ON_STORE_FAILURE_DENY lease: 10}`, "rate_limits[0].lease"},
		{`rate_limits: {requests: 9 interval: "1s" scope: SCOPE_SHARED on_store_failure: ON_STORE_FAILURE_DENY lease: 2 cost: {field: "a"}}`, "rate_limits[0].lease"},
		{`rate_limits: {requests: 9 interval: "1s" tiers: {}}`, "rate_limits[0].tiers[0].requests rate_limits[0].tiers[0].claim rate_limits[0].tiers[0].value"},
		{`rate_limits: {requests: 9 interval: "1s" tiers: [{claim: "a" value: "b" requests: 1}, {claim: "a" value: "b" requests: 1}]}`, "rate_limits[0].tiers[1]"},
		{`rate_limits: {requests: 9 interval: "1s" cost: {units: 5} tiers: {claim: "a" value: "b" requests: 4}}`, "rate_limits[0].tiers[0].burst"},
		{`auth: {requirement: REQUIREMENT_REQUIRED schemes: [SCHEME_UNSPECIFIED, SCHEME_MTLS]}`, "auth.schemes[1] auth.schemes[0]"},
		{`auth: {requirement: REQUIREMENT_REQUIRED schemes: [SCHEME_BEARER, SCHEME_BEARER]}`, "auth.schemes[1]"},
		{`cache: {ttl: "1m" stale_while_revalidate: "25h" negative_ttl: "61m"}`, "cache.stale_while_revalidate cache.negative_ttl"},
		{`timeout: {disabled: false duration: "1s"}`, ""},
		{`timeout: {duration: "1s" mode: MODE_UNSPECIFIED}`, ""},
		{`timeout: {duration: "1s" mode: MODE_OFF}`, ""},
		{`timeout: {duration: "1s" mode: 9}`, "timeout.mode"},
		{`retry: {max_attempts: 2 retryable_status_codes: 99}`, "retry.retryable_status_codes[0]"},
		{`version: {deprecated: "2026-01-01" brown_outs: [{}, {}]}`, "version.brown_outs"},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			_, faults := annotation.Decode(parse(t, test.text))
			got := []string{}
			for _, f := range faults {
				got = append(got, f.Path)
				if f.Problem == "" || f.Remedy == "" {
					t.Errorf("incomplete: %+v", f)
				}
			}
			if diff := cmp.Diff(strings.Fields(test.wrong), got); diff != "" {
				t.Errorf("paths (-want +got):\n%s\n%v", diff, faults)
			}
		})
	}
}

// TestDecodeLeavesInput holds that annotations, which RPCs share, are only read.
func TestDecodeLeavesInput(t *testing.T) {
	const text = `cache: {ttl: "1m" vary_headers: "accept"} rate_limits: {requests: 1 interval: "1s" key: {header: "x-a"}}`
	given := parse(t, text)
	annotation.Decode(given)
	if diff := cmp.Diff(parse(t, text).String(), given.String()); diff != "" {
		t.Errorf("changed:\n%s", diff)
	}
}
