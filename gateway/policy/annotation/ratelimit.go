package annotation

import (
	"fmt"
	"net/textproto"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

func (d *decoder) rateLimits(limits []*policyv1.RateLimit) []policy.RateLimit {
	var read []policy.RateLimit
	for i, limit := range limits {
		if limit.GetDisabled() {
			return nil
		}
		read = append(read, d.rateLimit(fmt.Sprintf("rate_limits[%d]", i), limit))
	}
	return read
}

func (d *decoder) rateLimit(path string, l *policyv1.RateLimit) policy.RateLimit {
	read := policy.RateLimit{
		Name:     "default",
		Interval: d.requiredDuration(path+".interval", l.Interval, time.Second),
		Key:      d.rateLimitKey(path+".key", l.Key),
	}
	if l.Name != nil {
		read.Name = *l.Name
	}
	read.Requests, read.Burst = d.rate(path, l.Requests, l.Burst)
	read.Cost = d.rateLimitCost(path+".cost", l.Cost)
	for i, tier := range l.GetTiers() {
		read.Tiers = append(read.Tiers, d.rateLimitTier(fmt.Sprintf("%s.tiers[%d]", path, i), tier))
	}
	read.Shared = l.GetScope() == policyv1.RateLimit_SCOPE_SHARED
	read.OnStoreFailure = onStoreFailure(l.GetOnStoreFailure())
	read.Lease = optionalNumber(d, path+".lease", l.Lease, 1)
	read.Group, read.GroupScope = d.rateLimitGroup(path, l)
	read.Shadow = isShadow(l.GetMode())
	return read
}

func (d *decoder) rateLimitGroup(path string, l *policyv1.RateLimit) (string, policy.GroupScope) {
	if l.Group != nil && *l.Group == "" {
		d.fault(path+".group", "it is empty", "write a name, or remove it")
	}
	switch l.GetGroupScope() {
	case policyv1.RateLimit_GROUP_SCOPE_FILE:
		return l.GetGroup(), policy.GroupPerFile
	case policyv1.RateLimit_GROUP_SCOPE_GATEWAY:
		return l.GetGroup(), policy.GroupPerGateway
	default:
		if l.Group == nil && l.GroupScope != nil {
			d.fault(path+".group_scope", "the limit is in no group", "name one in group, or remove it")
		}
		return l.GetGroup(), policy.GroupPerService
	}
}

func (d *decoder) rateLimitTier(path string, t *policyv1.RateLimitTier) policy.RateLimitTier {
	read := policy.RateLimitTier{Claim: t.GetClaim(), Value: t.GetValue()}
	read.Requests, read.Burst = d.rate(path, t.Requests, t.Burst)
	return read
}

// rate reads how many requests an interval admits, and how many at once. What is
// missing or out of its limits has no say in the other: the largest stands in.
func (d *decoder) rate(path string, written, burst *int64) (requests, atOnce int64) {
	requests = policy.MaxRequests
	if written != nil {
		requests = *written
	} else {
		d.missing(path+".requests", "write a number such as 100")
	}
	switch {
	case burst != nil:
		return requests, *burst
	case requests < 1 || requests > policy.MaxRequests:
		return requests, policy.MaxRequests
	default:
		return requests, requests
	}
}

func onStoreFailure(f policyv1.RateLimit_OnStoreFailure) policy.StoreFailure {
	switch f {
	case policyv1.RateLimit_ON_STORE_FAILURE_ALLOW:
		return policy.FailureAllow
	case policyv1.RateLimit_ON_STORE_FAILURE_DENY:
		return policy.FailureDeny
	case policyv1.RateLimit_ON_STORE_FAILURE_LOCAL:
		return policy.FailureLocal
	default:
		return policy.FailureUnset
	}
}

func (d *decoder) rateLimitKey(path string, key *policyv1.RateLimitKey) policy.RateLimitKey {
	byDefault := policy.RateLimitKey{Source: policy.KeyClientIP}
	if key == nil {
		return byDefault
	}
	switch source := key.Source.(type) {
	case *policyv1.RateLimitKey_Global:
		d.onlyTrue(path+".global", source.Global)
		return policy.RateLimitKey{Source: policy.KeyGlobal}
	case *policyv1.RateLimitKey_ClientIp:
		d.onlyTrue(path+".client_ip", source.ClientIp)
	case *policyv1.RateLimitKey_Principal:
		d.onlyTrue(path+".principal", source.Principal)
		return policy.RateLimitKey{Source: policy.KeyPrincipal}
	case *policyv1.RateLimitKey_ApiKey:
		d.onlyTrue(path+".api_key", source.ApiKey)
		return policy.RateLimitKey{Source: policy.KeyAPIKey}
	case *policyv1.RateLimitKey_Header:
		return policy.RateLimitKey{Source: policy.KeyHeader, Header: textproto.CanonicalMIMEHeaderKey(source.Header)}
	case *policyv1.RateLimitKey_Field:
		return policy.RateLimitKey{Source: policy.KeyField, Field: source.Field}
	default:
		d.fault(path, "it names no source", `write one, such as "client_ip: true"`)
	}
	return byDefault
}

func (d *decoder) onlyTrue(path string, value bool) {
	if !value {
		d.fault(path, "only true has a meaning", "write true, or another source")
	}
}

func (d *decoder) rateLimitCost(path string, cost *policyv1.RateLimitCost) policy.RateLimitCost {
	one := policy.RateLimitCost{Units: 1}
	if cost == nil {
		return one
	}
	switch source := cost.Source.(type) {
	case *policyv1.RateLimitCost_Units:
		return policy.RateLimitCost{Units: source.Units}
	case *policyv1.RateLimitCost_Field:
		if source.Field != "" {
			return policy.RateLimitCost{Field: source.Field}
		}
		d.fault(path+".field", "it names no field", "name an integer field of the request")
	default:
		d.fault(path, "it names no source", `write "units" or "field"`)
	}
	return one
}
