package gateway_test

import (
	"net/http"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/policy"
)

// soundLimits are three, one of them shared, keyed by a request field, by a header,
// and by the address, without which a header is refused.
func soundLimits(field string) []policy.RateLimit {
	limit := policy.RateLimit{
		Name: "a", Requests: 10, Interval: time.Minute, Burst: 10, Key: policy.RateLimitKey{Source: policy.KeyField, Field: field},
		Cost: policy.RateLimitCost{Units: 1}, Tiers: []policy.RateLimitTier{{Claim: "plan", Value: "gold", Requests: 20, Burst: 20}},
		Shared: true, OnStoreFailure: policy.FailureLocal, Lease: 2,
	}
	local := limit
	local.Name, local.Shared, local.OnStoreFailure, local.Lease = "b", false, policy.FailureUnset, 0
	local.Key = policy.RateLimitKey{Source: policy.KeyHeader, Header: "X-Tenant"}
	bound := policy.RateLimit{
		Name: "c", Requests: 100, Interval: time.Minute, Burst: 100, Key: policy.RateLimitKey{Source: policy.KeyClientIP},
		Cost: policy.RateLimitCost{Units: 1},
	}
	return []policy.RateLimit{limit, local, bound}
}

// soundStreams are policies of a stream, with every block that it bears.
func soundStreams() []policy.Method {
	return []policy.Method{{
		Timeout:        &policy.Timeout{Duration: time.Hour, Idle: time.Minute},
		CircuitBreaker: soundBreaker(),
		RateLimits:     soundLimits("service"),
		Concurrency:    &policy.Concurrency{MaxInFlight: 10, MaxQueue: 10, Criticality: policy.CriticalitySheddable},
		Auth:           &policy.Auth{Requirement: policy.AuthRequired, Scopes: []string{"read"}},
		Version:        &policy.Version{Deprecated: time.Unix(1e9, 0), Successor: "/v2/watch/{service}"},
		Objective:      &policy.Objective{ErrorPercent: 1, Window: policy.DefaultObjectiveWindow},
		Limits:         &policy.Limits{MaxRequestBytes: 1000, MaxResponseBytes: 1000},
		Response:       &policy.Response{OmitNull: true},
		Forward:        &policy.Forward{Headers: []string{"X-Tenant"}},
		Stream: &policy.Stream{
			Heartbeat: time.Minute, EventField: "status", Retry: time.Second, SlowConsumer: policy.SlowEnds, BufferBytes: 1 << 20,
			MaxPerPrincipal: 10, MaxPerAddress: 10,
		},
	}}
}

// soundWrites are policies of an RPC that changes something.
func soundWrites() []policy.Method {
	return []policy.Method{{
		Invalidates: &policy.Invalidates{Tags: []string{"vendor:{id}", "vendors"}},
		Response:    &policy.Response{Status: http.StatusNoContent},
		Etag:        &policy.Etag{Field: "etag"},
	}}
}

// soundHooks are policies of an RPC that takes deliveries.
func soundHooks() []policy.Method {
	limits := soundLimits("user_id")
	for i := range limits {
		limits[i].Tiers = nil
	}
	return []policy.Method{
		{
			Webhook:     &policy.Webhook{Scheme: policy.WebhookStandard, Secret: "shop", EventField: "type", Event: "order.paid"},
			Timeout:     &policy.Timeout{Duration: time.Second},
			RateLimits:  limits,
			Concurrency: &policy.Concurrency{MaxInFlight: 10, MaxQueue: 10},
			Limits:      &policy.Limits{MaxRequestBytes: 1000, MaxResponseBytes: 1000},
			Invalidates: &policy.Invalidates{Tags: []string{"vendors"}},
			Response:    &policy.Response{Status: http.StatusNoContent},
		},
		{Webhook: &policy.Webhook{Scheme: policy.WebhookSharedSecret, Secret: "shop", Header: "X-Webhook-Secret"}},
	}
}

func soundBreaker() *policy.CircuitBreaker {
	return &policy.CircuitBreaker{
		ErrorThresholdPercent: 50, Window: time.Minute, MinimumCalls: 5, OpenDuration: time.Minute, MaxOpenDuration: time.Hour, HalfOpenCalls: 3,
		SlowCallDuration: time.Second, SlowCallThresholdPercent: 50, FailureStatusCodes: []codes.Code{codes.Unavailable},
	}
}

// soundCalls are policies of a unary RPC, with every block that a reading one bears.
func soundCalls() []policy.Method {
	budget := policy.RetryBudget{Percent: 20, MinPerSecond: 3}
	statuses := []codes.Code{codes.Unavailable}
	return []policy.Method{
		{
			Timeout: &policy.Timeout{Duration: time.Minute},
			Retry: &policy.Retry{
				MaxAttempts: 3, InitialBackoff: time.Second, MaxBackoff: 2 * time.Second, BackoffMultiplier: 2,
				RetryableStatusCodes: statuses, PerAttemptTimeout: time.Second, Budget: budget,
			},
			CircuitBreaker: soundBreaker(),
			RateLimits:     soundLimits("id"),
			Cache: &policy.Cache{
				TTL: time.Minute, StaleWhileRevalidate: time.Minute, StaleIfError: time.Minute, NegativeTTL: time.Minute,
				KeyFields: []string{"id"}, VaryHeaders: []string{"Accept-Language"}, Audience: policy.AudiencePrincipal,
				Tags: []string{"vendor:{id}"},
			},
			Concurrency: &policy.Concurrency{
				MaxInFlight: 10, Adaptive: true, MaxQueue: 10, Criticality: policy.CriticalityCritical, PerService: true,
			},
			Auth: &policy.Auth{
				Requirement: policy.AuthRequired, Scopes: []string{"read"}, Roles: []string{"reader"},
				Schemes: []policy.Scheme{policy.SchemeBearer, policy.SchemeAPIKey},
			},
			Version: &policy.Version{
				Deprecated: time.Unix(1e9, 0), Sunset: time.Unix(2e9, 0), AfterSunset: policy.GoneAfterSunset,
				Successor: "/v3/vendors/{id}", Link: "https://example.com/",
			},
			Objective: &policy.Objective{Latency: time.Second, Percentile: 95, ErrorPercent: 1, Window: policy.DefaultObjectiveWindow},
			Limits:    &policy.Limits{MaxRequestBytes: 1000, MaxResponseBytes: 1000},
			Response:  &policy.Response{Status: http.StatusCreated, Location: "/v2/vendors/{vendor.id}", OmitNull: true},
			Forward:   &policy.Forward{Headers: []string{"Cookie", "X-Tenant"}},
			Etag:      &policy.Etag{Field: "vendor.etag"},
		},
		{
			Timeout: &policy.Timeout{Duration: time.Minute},
			Hedge:   &policy.Hedge{Delay: time.Second, MaxAttempts: 2, NonFatalStatusCodes: statuses, Budget: budget},
			Auth:    &policy.Auth{Requirement: policy.AuthNone},
		},
		{Auth: &policy.Auth{Requirement: policy.AuthOptional}},
	}
}
