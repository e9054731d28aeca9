package annotation

import (
	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// Decode reads one annotation and fills in the defaults that the schema states.
// The faults say what cannot be read, what is out of its limits, and what is not
// supported yet. A block that is disabled is left out.
//
// With faults the policy holds what could be read, and stand-ins for the rest.
func Decode(annotation *policyv1.Policy) (policy.Method, []policy.Fault) {
	var d decoder
	d.inspect(annotation)
	d.permits(annotation.GetPermits())
	m := policy.Method{
		Timeout:        d.timeout(annotation.GetTimeout()),
		Retry:          d.retry(annotation.GetRetry()),
		Hedge:          d.hedge(annotation.GetHedge()),
		CircuitBreaker: d.circuitBreaker(annotation.GetCircuitBreaker()),
		RateLimits:     d.rateLimits(annotation.GetRateLimits()),
		Cache:          d.cache(annotation.GetCache()),
		Invalidates:    d.invalidates(annotation.GetInvalidates()),
		Concurrency:    d.concurrency(annotation.GetConcurrency()),
		Auth:           d.auth(annotation.GetAuth()),
		Version:        d.version(annotation.GetVersion()),
		Objective:      d.objective(annotation.GetObjective()),
		Limits:         d.limits(annotation.GetLimits()),
		Response:       d.response(annotation.GetResponse()),
		Forward:        d.forward(annotation.GetForward()),
		Etag:           d.etag(annotation.GetEtag()),
		Stream:         d.stream(annotation.GetStream()),
		Webhook:        d.webhook(annotation.GetWebhook()),
	}
	return m, append(d.faults, m.ValidateLimits()...)
}

// isShadow tells whether a block only counts.
func isShadow(mode policyv1.Mode) bool { return mode == policyv1.Mode_MODE_SHADOW }

// decoder notes what is wrong while it reads.
type decoder struct {
	faults []policy.Fault
}

func (d *decoder) fault(path, problem, remedy string) {
	d.faults = append(d.faults, policy.Fault{Path: path, Problem: problem, Remedy: remedy})
}
