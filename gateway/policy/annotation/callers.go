package annotation

import (
	"fmt"
	"net/http"
	"net/textproto"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// The blocks that concern callers and the responses that they get.

func (d *decoder) cache(c *policyv1.Cache) *policy.Cache {
	if c == nil || c.GetDisabled() {
		return nil
	}
	read := &policy.Cache{
		TTL:                  d.requiredDuration("cache.ttl", c.Ttl, time.Second),
		StaleWhileRevalidate: d.optionalDuration("cache.stale_while_revalidate", c.StaleWhileRevalidate),
		StaleIfError:         d.optionalDuration("cache.stale_if_error", c.StaleIfError),
		NegativeTTL:          d.optionalDuration("cache.negative_ttl", c.NegativeTtl),
		KeyFields:            c.GetKeyFields(),
		VaryHeaders:          canonical(c.GetVaryHeaders()),
		Tags:                 c.GetTags(),
		Shadow:               isShadow(c.GetMode()),
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
	return &policy.Invalidates{Tags: v.GetTags(), Shadow: isShadow(v.GetMode())}
}

func (d *decoder) auth(a *policyv1.Auth) *policy.Auth {
	if a == nil || a.GetDisabled() {
		return nil
	}
	read := &policy.Auth{
		Scopes:  a.GetScopes(),
		Roles:   a.GetRoles(),
		Schemes: d.schemes(a.GetSchemes()),
		Shadow:  isShadow(a.GetMode()),
	}
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
	return read
}

// schemes returns nil for the default, so that there is one form of it.
func (d *decoder) schemes(schemes []policyv1.Auth_Scheme) []policy.Scheme {
	var read []policy.Scheme
	for i, scheme := range schemes {
		switch scheme {
		case policyv1.Auth_SCHEME_BEARER:
			read = append(read, policy.SchemeBearer)
		case policyv1.Auth_SCHEME_API_KEY:
			read = append(read, policy.SchemeAPIKey)
		case policyv1.Auth_SCHEME_UNSPECIFIED:
			d.fault(fmt.Sprintf("auth.schemes[%d]", i), "SCHEME_UNSPECIFIED names no scheme", "write SCHEME_BEARER or SCHEME_API_KEY")
		}
	}
	if len(read) == 1 && read[0] == policy.SchemeBearer {
		return nil
	}
	return read
}

func (d *decoder) version(v *policyv1.Version) *policy.Version {
	if v == nil || v.GetDisabled() {
		return nil
	}
	faults := len(d.faults)
	read := &policy.Version{
		Deprecated: d.date("version.deprecated", v.Deprecated),
		Sunset:     d.date("version.sunset", v.Sunset),
		Shadow:     isShadow(v.GetMode()),
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

func (d *decoder) objective(o *policyv1.Objective) *policy.Objective {
	if o == nil || o.GetDisabled() {
		return nil
	}
	read := &policy.Objective{
		Latency: d.optionalDuration("objective.latency", o.Latency),
		Window:  d.duration("objective.window", o.Window, policy.DefaultObjectiveWindow),
		Shadow:  isShadow(o.GetMode()),
	}
	if o.Percentile != nil || o.Latency != nil {
		read.Percentile = 95
		if o.Percentile != nil {
			read.Percentile = *o.Percentile
		}
	}
	if o.ErrorPercent != nil {
		if read.ErrorPercent = *o.ErrorPercent; read.ErrorPercent == 0 {
			d.fault("objective.error_percent", "0 is out of limits", "write a positive number, or remove this")
			read.ErrorPercent = 1
		}
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
		Shadow:           isShadow(l.GetMode()),
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

func (d *decoder) forward(f *policyv1.Forward) *policy.Forward {
	if f == nil || f.GetDisabled() {
		return nil
	}
	return &policy.Forward{Headers: canonical(f.GetHeaders())}
}

func canonical(headers []string) []string {
	var read []string
	for _, name := range headers {
		read = append(read, textproto.CanonicalMIMEHeaderKey(name))
	}
	return read
}

func (d *decoder) etag(e *policyv1.Etag) *policy.Etag {
	if e == nil || e.GetDisabled() {
		return nil
	}
	return &policy.Etag{Field: e.GetField(), Shadow: isShadow(e.GetMode())}
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
