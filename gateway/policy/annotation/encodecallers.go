package annotation

import (
	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// The other direction of callers.go and ratelimit.go.

func encodeRateLimit(l policy.RateLimit) *policyv1.RateLimit {
	p := &policyv1.RateLimit{
		Name:     new(l.Name),
		Requests: new(l.Requests),
		Interval: new(l.Interval.String()),
		Burst:    new(l.Burst),
		Key:      encodeKey(l.Key),
		Cost:     encodeCost(l.Cost),
		Scope:    policyv1.RateLimit_SCOPE_LOCAL.Enum(),
		Lease:    set(l.Lease),
		Mode:     mode(l.Shadow),
	}
	for _, t := range l.Tiers {
		p.Tiers = append(p.Tiers, &policyv1.RateLimitTier{
			Claim: new(t.Claim), Value: new(t.Value), Requests: new(t.Requests), Burst: new(t.Burst),
		})
	}
	if l.Shared {
		p.Scope = policyv1.RateLimit_SCOPE_SHARED.Enum()
	}
	if l.Group != "" {
		p.Group = new(l.Group)
		p.GroupScope = (policyv1.RateLimit_GroupScope(l.GroupScope) + policyv1.RateLimit_GROUP_SCOPE_SERVICE).Enum()
	}
	switch l.OnStoreFailure {
	case policy.FailureAllow:
		p.OnStoreFailure = policyv1.RateLimit_ON_STORE_FAILURE_ALLOW.Enum()
	case policy.FailureDeny:
		p.OnStoreFailure = policyv1.RateLimit_ON_STORE_FAILURE_DENY.Enum()
	case policy.FailureLocal:
		p.OnStoreFailure = policyv1.RateLimit_ON_STORE_FAILURE_LOCAL.Enum()
	}
	return p
}

func encodeKey(k policy.RateLimitKey) *policyv1.RateLimitKey {
	switch k.Source {
	case policy.KeyGlobal:
		return &policyv1.RateLimitKey{Source: &policyv1.RateLimitKey_Global{Global: true}}
	case policy.KeyPrincipal:
		return &policyv1.RateLimitKey{Source: &policyv1.RateLimitKey_Principal{Principal: true}}
	case policy.KeyAPIKey:
		return &policyv1.RateLimitKey{Source: &policyv1.RateLimitKey_ApiKey{ApiKey: true}}
	case policy.KeyHeader:
		return &policyv1.RateLimitKey{Source: &policyv1.RateLimitKey_Header{Header: k.Header}}
	case policy.KeyField:
		return &policyv1.RateLimitKey{Source: &policyv1.RateLimitKey_Field{Field: k.Field}}
	default:
		return &policyv1.RateLimitKey{Source: &policyv1.RateLimitKey_ClientIp{ClientIp: true}}
	}
}

func encodeCost(c policy.RateLimitCost) *policyv1.RateLimitCost {
	if c.Field != "" {
		return &policyv1.RateLimitCost{Source: &policyv1.RateLimitCost_Field{Field: c.Field}}
	}
	return &policyv1.RateLimitCost{Source: &policyv1.RateLimitCost_Units{Units: c.Units}}
}

func encodeCache(c *policy.Cache) *policyv1.Cache {
	if c == nil {
		return nil
	}
	p := &policyv1.Cache{
		Ttl:                  new(c.TTL.String()),
		StaleWhileRevalidate: span(c.StaleWhileRevalidate),
		StaleIfError:         span(c.StaleIfError),
		NegativeTtl:          span(c.NegativeTTL),
		KeyFields:            c.KeyFields,
		VaryHeaders:          c.VaryHeaders,
		Audience:             policyv1.Cache_AUDIENCE_PUBLIC.Enum(),
		Tags:                 c.Tags,
		Mode:                 mode(c.Shadow),
	}
	if c.Audience == policy.AudiencePrincipal {
		p.Audience = policyv1.Cache_AUDIENCE_PRINCIPAL.Enum()
	}
	return p
}

func encodeAuth(a *policy.Auth) *policyv1.Auth {
	if a == nil {
		return nil
	}
	requirements := map[policy.Requirement]policyv1.Auth_Requirement{
		policy.AuthNone:     policyv1.Auth_REQUIREMENT_NONE,
		policy.AuthOptional: policyv1.Auth_REQUIREMENT_OPTIONAL,
		policy.AuthRequired: policyv1.Auth_REQUIREMENT_REQUIRED,
	}
	p := &policyv1.Auth{
		Requirement: requirements[a.Requirement].Enum(), Scopes: a.Scopes, Roles: a.Roles, Mode: mode(a.Shadow),
	}
	for _, scheme := range []policy.Scheme{policy.SchemeBearer, policy.SchemeAPIKey} {
		if a.Accepts(scheme) {
			p.Schemes = append(p.Schemes, policyv1.Auth_Scheme(scheme)+policyv1.Auth_SCHEME_BEARER)
		}
	}
	return p
}

func encodeVersion(v *policy.Version) *policyv1.Version {
	if v == nil {
		return nil
	}
	p := &policyv1.Version{
		Deprecated:  day(v.Deprecated),
		Sunset:      day(v.Sunset),
		AfterSunset: policyv1.Version_AFTER_SUNSET_SERVE.Enum(),
		Successor:   set(v.Successor),
		Link:        set(v.Link),
		Mode:        mode(v.Shadow),
	}
	if v.AfterSunset == policy.GoneAfterSunset {
		p.AfterSunset = policyv1.Version_AFTER_SUNSET_GONE.Enum()
	}
	return p
}

func encodeObjective(o *policy.Objective) *policyv1.Objective {
	if o == nil {
		return nil
	}
	return &policyv1.Objective{
		Latency:      span(o.Latency),
		Percentile:   set(o.Percentile),
		ErrorPercent: set(o.ErrorPercent),
		Window:       span(o.Window),
		Mode:         mode(o.Shadow),
	}
}
