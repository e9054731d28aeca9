package subject

import (
	"time"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/policy"
)

// policies returns those of reading one vendor, of listing and of writing.
func policies(mode Mode) (reads, lists, writes policy.Method) {
	if mode == Venta || mode == Observed {
		return policy.Method{}, policy.Method{}, policy.Method{}
	}
	writes = policy.Method{
		Timeout:        &policy.Timeout{Duration: 5 * time.Second},
		CircuitBreaker: breaker(),
		RateLimits:     []policy.RateLimit{limit("client", policy.KeyClientIP), limit("caller", policy.KeyPrincipal)},
		Auth:           &policy.Auth{Requirement: policy.AuthRequired},
		Limits:         &policy.Limits{MaxRequestBytes: 64 << 10},
	}
	reads = writes
	reads.Retry = retries()
	lists = reads
	if mode == Cached {
		reads.Cache = &policy.Cache{TTL: time.Hour, KeyFields: []string{"id"}, Tags: []string{"vendor:{id}"}}
		lists.Cache = &policy.Cache{TTL: time.Hour, Tags: []string{"vendors"}}
	}
	return reads, lists, writes
}

// limit is far above any load: what is measured is the counting.
func limit(name string, by policy.RateLimitSource) policy.RateLimit {
	return policy.RateLimit{
		Name: name, Requests: 1_000_000_000, Interval: time.Second, Burst: 1_000_000_000,
		Key: policy.RateLimitKey{Source: by}, Cost: policy.RateLimitCost{Units: 1},
	}
}

func breaker() *policy.CircuitBreaker {
	return &policy.CircuitBreaker{
		ErrorThresholdPercent: 50,
		Window:                10 * time.Second,
		MinimumCalls:          20,
		OpenDuration:          30 * time.Second,
		HalfOpenCalls:         3,
		FailureStatusCodes:    []codes.Code{codes.Unknown, codes.DeadlineExceeded, codes.Internal, codes.Unavailable},
	}
}

func retries() *policy.Retry {
	return &policy.Retry{
		MaxAttempts:          3,
		InitialBackoff:       50 * time.Millisecond,
		MaxBackoff:           time.Second,
		BackoffMultiplier:    2,
		RetryableStatusCodes: []codes.Code{codes.Unavailable},
		PerAttemptTimeout:    time.Second,
		Budget:               policy.RetryBudget{Percent: 20, MinPerSecond: 3},
	}
}
