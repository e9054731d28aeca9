package scenario

import (
	"context"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/chaos/internal/backend"
	"github.com/venta-hq/venta/chaos/internal/load"
	"github.com/venta-hq/venta/chaos/internal/stage"
)

var businessErrors = Scenario{
	Name: "business-errors", About: "99 % NOT_FOUND and 1 % UNAVAILABLE, then one client whose requests cannot be sent: the breaker stays closed for everybody",
	Short: true, run: runBusinessErrors,
}

func runBusinessErrors(ctx context.Context, t *trial) error {
	backends, err := t.Backends(ctx, 1)
	if err != nil {
		return err
	}
	// Without retries, and with a breaker that two failures alone would open.
	g, err := t.Gateway(ctx, stage.Config{Vendor: stage.Target(backends...), Connection: connection, Overrides: []stage.Override{
		{Method: "*", Policy: `{rate_limits: [{disabled: true}]}`},
		{Method: "GetVendor", Policy: `{retry: {disabled: true}, cache: {disabled: true}, ` +
			`circuit_breaker: {error_threshold_percent: 50, minimum_calls: 2, window: 10s}}`},
	}})
	if err != nil {
		return err
	}
	if err := t.mixed(ctx, backends[0], g); err != nil {
		return err
	}
	return t.besideBadRequests(ctx, backends[0], g)
}

// mixed reads what is mostly not there.
func (t *trial) mixed(ctx context.Context, b *stage.Backend, g *stage.Gateway) error {
	if err := b.Play(ctx, backend.Script{ErrorPercent: 1, OtherCode: codes.NotFound}); err != nil {
		return err
	}
	seen := t.Load(ctx, g.Base(), rate, t.span(6*time.Second), reads).Wait()
	counts, err := b.Counts(ctx)
	if err != nil {
		return err
	}
	t.saw("99 % NOT_FOUND, 1 % UNAVAILABLE", seen, counts.Calls)
	down := because(seen, upstreamUnavailable).Count()
	t.check(down >= 2, "there are failures enough to open a breaker that counts nothing else", "%d of %d", down, seen.Count())
	t.stayedClosed(seen)
	return nil
}

// besideBadRequests reads while one client sends what the upstream does not take.
func (t *trial) besideBadRequests(ctx context.Context, b *stage.Backend, g *stage.Gateway) error {
	if err := b.Play(ctx, backend.Script{}); err != nil {
		return err
	}
	bad := t.Load(ctx, g.Base(), rate/2, t.span(4*time.Second), func(i int) load.Request {
		r := reads(i)
		r.Header = http.Header{"Grpc-Metadata-Note": {strings.Repeat("a", 9000)}}
		return r
	})
	seen := t.Load(ctx, g.Base(), rate/2, t.span(4*time.Second), reads).Wait()
	refused := bad.Wait()
	t.saw("a client with headers of 9 kB", refused, uncounted)
	t.saw("everybody else", seen, uncounted)
	told := refused.Where(func(s load.Sample) bool { return s.Status == http.StatusRequestHeaderFieldsTooLarge })
	t.check(told.Count() == refused.Count(), "the client is told what is wrong (431)", "%d of %d", told.Count(), refused.Count())
	t.none(seen, "nobody else's request fails")
	t.stayedClosed(seen)
	return nil
}

func (t *trial) stayedClosed(seen load.Seen) {
	refused := because(seen, circuitOpen).Count()
	t.check(refused == 0, "the breaker stays closed", "%d of %d requests were refused", refused, seen.Count())
}
