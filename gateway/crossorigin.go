package gateway

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/internal/assembly"
	"github.com/venta-hq/venta/gateway/policy"
)

// cors says which scripts may call. They may send what policies read.
func (s Settings) cors(keyHeaders []string) assembly.CORS {
	return assembly.CORS{
		Origins:   slices.Clone(s.AllowedOrigins),
		AnyOrigin: s.AnyOrigin,
		Allowed:   slices.Concat(keyHeaders, s.AllowedHeaders),
		Exposed:   slices.Clone(s.ExposedHeaders),
	}
}

// checkCORS refuses what could open the API to sites that nobody meant, and what
// no browser's origin can equal.
func (s Settings) checkCORS() error {
	var errs []error
	if s.AnyOrigin && len(s.AllowedOrigins) > 0 {
		errs = append(errs, errors.New("any origin may call, so that a list of allowed origins means nothing; leave one of the two out"))
	}
	for _, origin := range s.AllowedOrigins {
		errs = append(errs, checkOrigin(origin))
	}
	for _, name := range slices.Concat(s.AllowedHeaders, s.ExposedHeaders) {
		if !headerName.MatchString(name) {
			errs = append(errs, fmt.Errorf("header %q: must be the name of a header field; there are no wildcards", name))
		}
	}
	return errors.Join(errs...)
}

var (
	originForm = regexp.MustCompile(`^[a-z][a-z0-9+.-]*://([a-z0-9._~-]+|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?$`)
	headerName = regexp.MustCompile(`^[A-Za-z0-9-]{1,128}$`)
)

// checkOrigin holds an origin to the form that browsers give it (RFC 6454, section
// 6.2), as it is compared byte by byte.
func checkOrigin(origin string) error {
	if !originForm.MatchString(origin) {
		return fmt.Errorf("origin %q: must be SCHEME://HOST[:PORT] as browsers send it: in lower case, without a path or a wildcard, "+
			"and with a name of other letters in its ASCII form (xn--...)", origin)
	}
	for scheme, port := range map[string]string{"https://": ":443", "http://": ":80"} {
		if strings.HasPrefix(origin, scheme) && strings.HasSuffix(origin, port) {
			return fmt.Errorf("origin %q: browsers leave %s out; write %q", origin, port, strings.TrimSuffix(origin, port))
		}
	}
	return nil
}

// allowKeyHeaders lets scripts send the fields of requests that the policies in
// force read. The gateway's lock is held.
func (g *Gateway) allowKeyHeaders() {
	var names []string
	if g.options.APIKeys != nil {
		names = append(names, auth.APIKeyHeader)
	}
	if g.options.Propagator != nil {
		names = append(names, g.options.Propagator.Fields()...)
	}
	names = append(names, g.options.ForwardHeaders...)
	for _, m := range g.methods {
		names = append(names, keyHeaders(m.policy)...)
	}
	slices.Sort(names)
	names = slices.Compact(names)

	g.settingsMu.Lock()
	defer g.settingsMu.Unlock()
	if slices.Equal(names, g.keyHeaders) {
		return
	}
	if live, err := newLive(g.settings, names); err == nil { // the settings are in force, and so right
		g.keyHeaders = names
		g.live.Store(live)
	}
}

// keyHeaders are the fields of requests that a policy reads.
func keyHeaders(p policy.Method) []string {
	var names []string
	for _, limit := range p.RateLimits {
		if limit.Key.Header != "" {
			names = append(names, limit.Key.Header)
		}
	}
	if p.Cache != nil {
		names = append(names, p.Cache.VaryHeaders...)
	}
	if p.Forward != nil {
		names = append(names, p.Forward.Headers...)
	}
	return names
}
