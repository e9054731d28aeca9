package gateway

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/venta-hq/venta/gateway/clientip"
	"github.com/venta-hq/venta/gateway/internal/assembly"
	"github.com/venta-hq/venta/gateway/ratelimit"
	"github.com/venta-hq/venta/gateway/telemetry"
)

// Settings are the options that may change while a gateway serves: see
// [Gateway.Reconfigure]. The zero value is usable.
type Settings struct {
	// TrustedProxies may say who the client is (X-Forwarded-For), which host it asked
	// (X-Forwarded-Host) and which trace goes on. Default: none; the peer's address is
	// the client's, and a client's trace is a link.
	TrustedProxies []netip.Prefix
	// AllowedOrigins are the browsers' origins that may call with credentials
	// (CORS), such as "https://shop.example", exactly as browsers send them: in
	// lower case, without a path or the scheme's own port. There are no wildcards.
	// Default: none.
	AllowedOrigins []string
	// AnyOrigin lets scripts of every origin call, without credentials, as public
	// APIs want it. It excludes AllowedOrigins.
	AnyOrigin bool
	// AllowedHeaders are fields of requests that scripts may send, beside those
	// that the gateway and its RPCs' policies read. Default: none.
	AllowedHeaders []string
	// ExposedHeaders are fields of responses that scripts may read, beside those
	// that the gateway writes. Default: none.
	ExposedHeaders []string
	// RateLimitFields is the form of the response's fields that tell of limits.
	// Default: [ratelimit.FieldsDraft10].
	RateLimitFields ratelimit.FieldStyle
	// AccessLog says what the access log tells. Default: a line for each request.
	AccessLog telemetry.AccessOptions
}

// Validate returns an error that names everything that is wrong.
func (s Settings) Validate() error {
	_, err := newLive(s, nil)
	return err
}

// Reconfigure puts settings into force in place of all earlier ones, at once and
// for every request that begins later; one that is under way may meet the earlier
// settings at one step and these at the next. With an error, which names everything
// that is wrong, nothing has changed.
func (g *Gateway) Reconfigure(s Settings) error {
	g.settingsMu.Lock()
	defer g.settingsMu.Unlock()
	live, err := newLive(s, g.keyHeaders)
	if err != nil {
		return fmt.Errorf("gateway settings: %w", err)
	}
	g.settings = s
	g.live.Store(live)
	return nil
}

// newLive returns settings in the form that requests meet. keyHeaders are the
// fields of requests that policies read.
func newLive(s Settings, keyHeaders []string) (*assembly.Live, error) {
	clientIP, err := clientip.New(s.TrustedProxies)
	access, err2 := telemetry.NewAccessLog(s.AccessLog)
	if err := errors.Join(err, err2, s.RateLimitFields.Validate(), s.checkCORS()); err != nil {
		return nil, err
	}
	return &assembly.Live{ClientIP: clientIP, CORS: assembly.NewCORS(s.cors(keyHeaders)), Fields: s.RateLimitFields, Access: access}, nil
}
