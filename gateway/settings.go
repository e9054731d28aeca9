package gateway

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"

	"github.com/venta-hq/venta/gateway/clientip"
	"github.com/venta-hq/venta/gateway/internal/assembly"
	"github.com/venta-hq/venta/gateway/ratelimit"
)

// Settings are the options that may change while a gateway serves: see
// [Gateway.Reconfigure]. The zero value is usable.
type Settings struct {
	// TrustedProxies may say in X-Forwarded-For who the client is. Default:
	// none; the peer's address is the client's.
	TrustedProxies []netip.Prefix
	// AllowedOrigins are the browsers' origins that may call with credentials
	// (CORS), such as "https://venta.example". Default: none.
	AllowedOrigins []string
	// RateLimitFields is the form of the response's fields that tell of limits.
	// Default: [ratelimit.FieldsDraft10].
	RateLimitFields ratelimit.FieldStyle
}

// Validate returns an error that names everything that is wrong.
func (s Settings) Validate() error {
	_, err := newLive(s)
	return err
}

// Reconfigure puts settings into force in place of all earlier ones, at once and
// for every request that begins later; one that is under way may meet the earlier
// settings at one step and these at the next. With an error, which names everything
// that is wrong, nothing has changed.
func (g *Gateway) Reconfigure(s Settings) error {
	live, err := newLive(s)
	if err != nil {
		return fmt.Errorf("gateway settings: %w", err)
	}
	g.live.Store(live)
	return nil
}

func newLive(s Settings) (*assembly.Live, error) {
	clientIP, err := clientip.New(s.TrustedProxies)
	errs := []error{err, s.RateLimitFields.Validate()}
	for _, origin := range s.AllowedOrigins {
		errs = append(errs, checkOrigin(origin))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &assembly.Live{ClientIP: clientIP, CORS: assembly.NewCORS(s.AllowedOrigins), Fields: s.RateLimitFields}, nil
}

// checkOrigin refuses what could open the API to every site: credentials are
// allowed, so a wildcard must not be.
func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
		return fmt.Errorf("origin %q: must be SCHEME://HOST[:PORT]", origin)
	}
	return nil
}
