package annotation

import (
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// Encode returns the annotation that says all of a policy and leaves nothing to
// defaults: [Decode] of it is the policy again.
func Encode(m policy.Method) *policyv1.Policy {
	p := &policyv1.Policy{
		Timeout:        encodeTimeout(m.Timeout),
		Retry:          encodeRetry(m.Retry),
		Hedge:          encodeHedge(m.Hedge),
		CircuitBreaker: encodeBreaker(m.CircuitBreaker),
		Cache:          encodeCache(m.Cache),
		Concurrency:    encodeConcurrency(m.Concurrency),
		Auth:           encodeAuth(m.Auth),
		Version:        encodeVersion(m.Version),
		Objective:      encodeObjective(m.Objective),
		Webhook:        encodeWebhook(m.Webhook),
	}
	for _, l := range m.RateLimits {
		p.RateLimits = append(p.RateLimits, encodeRateLimit(l))
	}
	if v := m.Invalidates; v != nil {
		p.Invalidates = &policyv1.Invalidates{Tags: v.Tags, Mode: mode(v.Shadow)}
	}
	if l := m.Limits; l != nil {
		p.Limits = &policyv1.Limits{
			MaxRequestBytes: set(l.MaxRequestBytes), MaxResponseBytes: set(l.MaxResponseBytes), Mode: mode(l.Shadow),
		}
	}
	if r := m.Response; r != nil {
		p.Response = &policyv1.Response{
			Status: set(int32(r.Status)), Location: set(r.Location), OmitNull: set(r.OmitNull), Mode: mode(false),
		}
	}
	if f := m.Forward; f != nil {
		p.Forward = &policyv1.Forward{Headers: f.Headers, Mode: mode(false)}
	}
	if e := m.Etag; e != nil {
		p.Etag = &policyv1.Etag{Field: set(e.Field), Mode: mode(e.Shadow)}
	}
	p.Stream = encodeStream(m.Stream)
	return p
}

// set returns a value that is written, or nil for one that the policy writes as
// zero.
func set[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

func span(d time.Duration) *string {
	if d == 0 {
		return nil
	}
	return new(d.String())
}

func day(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC().Format(time.RFC3339))
}

func mode(shadow bool) *policyv1.Mode {
	if shadow {
		return policyv1.Mode_MODE_SHADOW.Enum()
	}
	return policyv1.Mode_MODE_ENFORCE.Enum()
}

func named(statuses []codes.Code) []code.Code {
	var read []code.Code
	for _, s := range statuses {
		read = append(read, code.Code(s))
	}
	return read
}

func number32(n int) *int32 { return new(int32(n)) }

func encodeTimeout(t *policy.Timeout) *policyv1.Timeout {
	if t == nil {
		return nil
	}
	return &policyv1.Timeout{Duration: span(t.Duration), Idle: span(t.Idle), Mode: mode(t.Shadow)}
}

func encodeRetry(r *policy.Retry) *policyv1.Retry {
	if r == nil {
		return nil
	}
	return &policyv1.Retry{
		MaxAttempts:          number32(r.MaxAttempts),
		InitialBackoff:       new(r.InitialBackoff.String()),
		MaxBackoff:           new(r.MaxBackoff.String()),
		BackoffMultiplier:    new(r.BackoffMultiplier),
		RetryableStatusCodes: named(r.RetryableStatusCodes),
		PerAttemptTimeout:    span(r.PerAttemptTimeout),
		Budget:               encodeBudget(r.Budget),
		Mode:                 mode(r.Shadow),
	}
}

func encodeBudget(b policy.RetryBudget) *policyv1.RetryBudget {
	return &policyv1.RetryBudget{Percent: number32(b.Percent), MinPerSecond: number32(b.MinPerSecond)}
}

func encodeHedge(h *policy.Hedge) *policyv1.Hedge {
	if h == nil {
		return nil
	}
	return &policyv1.Hedge{
		Delay:               new(h.Delay.String()),
		MaxAttempts:         number32(h.MaxAttempts),
		NonFatalStatusCodes: named(h.NonFatalStatusCodes),
		Budget:              encodeBudget(h.Budget),
		Mode:                mode(h.Shadow),
	}
}

func encodeBreaker(b *policy.CircuitBreaker) *policyv1.CircuitBreaker {
	if b == nil {
		return nil
	}
	p := &policyv1.CircuitBreaker{
		ErrorThresholdPercent:    number32(b.ErrorThresholdPercent),
		Window:                   new(b.Window.String()),
		MinimumCalls:             number32(b.MinimumCalls),
		OpenDuration:             new(b.OpenDuration.String()),
		MaxOpenDuration:          new(max(b.MaxOpenDuration, b.OpenDuration).String()),
		HalfOpenCalls:            number32(b.HalfOpenCalls),
		SlowCallDuration:         span(b.SlowCallDuration),
		SlowCallThresholdPercent: set(int32(b.SlowCallThresholdPercent)),
		FailureStatusCodes:       named(b.FailureStatusCodes),
		Scope:                    policyv1.CircuitBreaker_SCOPE_METHOD.Enum(),
		Mode:                     mode(b.Shadow),
	}
	switch b.Scope {
	case policy.BreakerPerService:
		p.Scope = policyv1.CircuitBreaker_SCOPE_SERVICE.Enum()
	case policy.BreakerPerEndpoint:
		p.Scope = policyv1.CircuitBreaker_SCOPE_ENDPOINT.Enum()
	}
	return p
}

func encodeConcurrency(c *policy.Concurrency) *policyv1.Concurrency {
	if c == nil {
		return nil
	}
	p := &policyv1.Concurrency{
		MaxInFlight: number32(c.MaxInFlight),
		Adaptive:    new(c.Adaptive),
		MaxQueue:    number32(c.MaxQueue),
		Criticality: policyv1.Concurrency_CRITICALITY_DEFAULT.Enum(),
		Scope:       policyv1.Concurrency_SCOPE_METHOD.Enum(),
		Mode:        mode(c.Shadow),
	}
	switch c.Criticality {
	case policy.CriticalityCritical:
		p.Criticality = policyv1.Concurrency_CRITICALITY_CRITICAL.Enum()
	case policy.CriticalitySheddable:
		p.Criticality = policyv1.Concurrency_CRITICALITY_SHEDDABLE.Enum()
	}
	if c.PerService {
		p.Scope = policyv1.Concurrency_SCOPE_SERVICE.Enum()
	}
	return p
}
