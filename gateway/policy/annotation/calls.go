package annotation

import (
	"time"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// The blocks that guard the upstream call.

func (d *decoder) timeout(t *policyv1.Timeout) *policy.Timeout {
	if t == nil || t.GetDisabled() {
		return nil
	}
	faults := len(d.faults)
	read := &policy.Timeout{
		Duration: d.optionalDuration("timeout.duration", t.Duration),
		Idle:     d.optionalDuration("timeout.idle", t.Idle),
		Shadow:   isShadow(t.GetMode()),
	}
	if t.Duration == nil && t.Idle == nil {
		d.missing("timeout.duration", `write a duration such as "5s"`)
	}
	if len(d.faults) > faults {
		return nil // no stand-in, which a retry might not fit
	}
	return read
}

func (d *decoder) retry(r *policyv1.Retry) *policy.Retry {
	if r == nil || r.GetDisabled() {
		return nil
	}
	const fewest = 2
	if r.MaxAttempts == nil {
		d.missing("retry.max_attempts", "write a number from 2 to 5")
	}
	multiplier := 2.0
	if r.BackoffMultiplier != nil {
		multiplier = *r.BackoffMultiplier
	}
	return &policy.Retry{
		MaxAttempts:          number(r.MaxAttempts, fewest),
		InitialBackoff:       d.duration("retry.initial_backoff", r.InitialBackoff, 50*time.Millisecond),
		MaxBackoff:           d.duration("retry.max_backoff", r.MaxBackoff, time.Second),
		BackoffMultiplier:    multiplier,
		RetryableStatusCodes: statuses(r.RetryableStatusCodes, codes.Unavailable),
		PerAttemptTimeout:    d.optionalDuration("retry.per_attempt_timeout", r.PerAttemptTimeout),
		Budget:               budget(r.Budget),
		Shadow:               isShadow(r.GetMode()),
	}
}

func budget(b *policyv1.RetryBudget) policy.RetryBudget {
	if b == nil {
		b = &policyv1.RetryBudget{}
	}
	return policy.RetryBudget{Percent: number(b.Percent, 20), MinPerSecond: number(b.MinPerSecond, 3)}
}

func (d *decoder) hedge(h *policyv1.Hedge) *policy.Hedge {
	if h == nil || h.GetDisabled() {
		return nil
	}
	const fewest = 2
	if h.MaxAttempts == nil {
		d.missing("hedge.max_attempts", "write a number from 2 to 5")
	}
	return &policy.Hedge{
		Delay:               d.requiredDuration("hedge.delay", h.Delay, 0),
		MaxAttempts:         number(h.MaxAttempts, fewest),
		NonFatalStatusCodes: statuses(h.NonFatalStatusCodes, codes.Unavailable),
		Budget:              budget(h.Budget),
		Shadow:              isShadow(h.GetMode()),
	}
}

func (d *decoder) circuitBreaker(b *policyv1.CircuitBreaker) *policy.CircuitBreaker {
	if b == nil || b.GetDisabled() {
		return nil
	}
	read := &policy.CircuitBreaker{
		ErrorThresholdPercent:    number(b.ErrorThresholdPercent, 50),
		Window:                   d.duration("circuit_breaker.window", b.Window, 10*time.Second),
		MinimumCalls:             number(b.MinimumCalls, 20),
		OpenDuration:             d.duration("circuit_breaker.open_duration", b.OpenDuration, 30*time.Second),
		HalfOpenCalls:            number(b.HalfOpenCalls, 3),
		SlowCallDuration:         d.optionalDuration("circuit_breaker.slow_call_duration", b.SlowCallDuration),
		SlowCallThresholdPercent: int(optionalNumber(d, "circuit_breaker.slow_call_threshold_percent", b.SlowCallThresholdPercent, 0)),
		FailureStatusCodes: statuses(b.FailureStatusCodes, codes.Unknown, codes.DeadlineExceeded,
			codes.Internal, codes.Unavailable, codes.DataLoss),
		Shadow: isShadow(b.GetMode()),
	}
	longest := max(min(10*read.OpenDuration, time.Hour), 100*time.Millisecond) // whatever is wrong with open_duration
	read.MaxOpenDuration = d.duration("circuit_breaker.max_open_duration", b.MaxOpenDuration, longest)
	if read.SlowCallDuration > 0 && read.SlowCallThresholdPercent == 0 {
		read.SlowCallThresholdPercent = 100
	}
	switch b.GetScope() {
	case policyv1.CircuitBreaker_SCOPE_SERVICE:
		read.Scope = policy.BreakerPerService
	case policyv1.CircuitBreaker_SCOPE_ENDPOINT:
		read.Scope = policy.BreakerPerEndpoint
	}
	return read
}

func (d *decoder) concurrency(c *policyv1.Concurrency) *policy.Concurrency {
	if c == nil || c.GetDisabled() {
		return nil
	}
	if c.MaxInFlight == nil {
		d.missing("concurrency.max_in_flight", "write a number such as 100")
	}
	read := &policy.Concurrency{
		MaxInFlight: number(c.MaxInFlight, 1),
		Adaptive:    c.GetAdaptive(),
		MaxQueue:    number(c.MaxQueue, 0),
		PerService:  c.GetScope() == policyv1.Concurrency_SCOPE_SERVICE,
		Shadow:      isShadow(c.GetMode()),
	}
	switch c.GetCriticality() {
	case policyv1.Concurrency_CRITICALITY_CRITICAL:
		read.Criticality = policy.CriticalityCritical
	case policyv1.Concurrency_CRITICALITY_SHEDDABLE:
		read.Criticality = policy.CriticalitySheddable
	}
	return read
}
