package annotation

import (
	"net/http"
	"net/textproto"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// The blocks that concern callers and the answers that they get.

func (d *decoder) cache(c *policyv1.Cache) *policy.Cache {
	if c == nil || c.GetDisabled() {
		return nil
	}
	read := &policy.Cache{
		TTL:          d.requiredDuration("cache.ttl", c.Ttl, time.Second),
		StaleIfError: d.optionalDuration("cache.stale_if_error", c.StaleIfError),
		KeyFields:    c.GetKeyFields(),
		Tags:         c.GetTags(),
	}
	for _, name := range c.GetVaryHeaders() {
		read.VaryHeaders = append(read.VaryHeaders, textproto.CanonicalMIMEHeaderKey(name))
	}
	if c.GetAudience() == policyv1.Cache_AUDIENCE_PRINCIPAL {
		read.Audience = policy.AudiencePrincipal
	}
	return read
}

func (d *decoder) invalidates(v *policyv1.Invalidates) *policy.Invalidates {
	if v == nil || v.GetDisabled() {
		return nil
	}
	return &policy.Invalidates{Tags: v.GetTags()}
}

func (d *decoder) auth(a *policyv1.Auth) *policy.Auth {
	if a == nil || a.GetDisabled() {
		return nil
	}
	read := &policy.Auth{Scopes: a.GetScopes(), Roles: a.GetRoles()}
	switch a.GetRequirement() {
	case policyv1.Auth_REQUIREMENT_NONE:
		read.Requirement = policy.AuthNone
	case policyv1.Auth_REQUIREMENT_OPTIONAL:
		read.Requirement = policy.AuthOptional
	case policyv1.Auth_REQUIREMENT_REQUIRED:
		read.Requirement = policy.AuthRequired
	default:
		read.Requirement = policy.AuthRequired
		d.missing("auth.requirement", "write REQUIREMENT_REQUIRED, REQUIREMENT_OPTIONAL or REQUIREMENT_NONE")
	}
	d.schemes(a.GetSchemes())
	return read
}

// schemes accepts what has the meaning of the default, the only scheme so far.
func (d *decoder) schemes(schemes []policyv1.Auth_Scheme) {
	for _, scheme := range schemes {
		if scheme == policyv1.Auth_SCHEME_UNSPECIFIED {
			d.fault("auth.schemes", "SCHEME_UNSPECIFIED names no scheme", "write SCHEME_BEARER")
		}
	}
	if len(schemes) > 1 {
		d.fault("auth.schemes", "there is one scheme so far, and the list holds more", "write SCHEME_BEARER alone")
	}
}

func (d *decoder) version(v *policyv1.Version) *policy.Version {
	if v == nil || v.GetDisabled() {
		return nil
	}
	faults := len(d.faults)
	read := &policy.Version{
		Deprecated: d.date("version.deprecated", v.Deprecated),
		Sunset:     d.date("version.sunset", v.Sunset),
	}
	if len(d.faults) > faults {
		return nil // no stand-ins: the dates would be compared
	}
	read.Successor = d.text("version.successor", v.Successor)
	read.Link = d.text("version.link", v.Link)
	if v.GetAfterSunset() == policyv1.Version_AFTER_SUNSET_GONE {
		read.AfterSunset = policy.GoneAfterSunset
	}
	return read
}

func (d *decoder) limits(l *policyv1.Limits) *policy.Limits {
	if l == nil || l.GetDisabled() {
		return nil
	}
	return &policy.Limits{
		MaxRequestBytes:  optionalNumber(d, "limits.max_request_bytes", l.MaxRequestBytes, 1),
		MaxResponseBytes: optionalNumber(d, "limits.max_response_bytes", l.MaxResponseBytes, 1),
	}
}

func (d *decoder) response(r *policyv1.Response) *policy.Response {
	if r == nil || r.GetDisabled() {
		return nil
	}
	return &policy.Response{
		Status:   int(optionalNumber(d, "response.status", r.Status, http.StatusOK)),
		Location: d.text("response.location", r.Location),
		OmitNull: r.GetOmitNull(),
	}
}

// text reads a text whose absence the policy writes as "".
func (d *decoder) text(path string, value *string) string {
	if value != nil && *value == "" {
		d.fault(path, "it is empty", "write it, or remove this")
	}
	if value == nil {
		return ""
	}
	return *value
}
