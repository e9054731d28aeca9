package assembly

import (
	"net/http"
	"strings"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/internal/forward"
	"github.com/venta-hq/venta/gateway/transcode"
)

// requestInvalidates purges what a write has made stale.
func (b *builder) requestInvalidates() Step {
	p := b.rpc.Policy.Invalidates
	if p == nil {
		return nil
	}
	tags, err := newTags(b.rpc.Method, p.Tags)
	if err != nil {
		return made[Step](b, nil, err)
	}
	step, err := b.env.Store.Invalidator(cache.InvalidateRule{
		Tags: tags.of, Shadow: p.Shadow, OnShadow: b.onShadow("invalidates"), OnError: refuse,
	})
	return made(b, step, err)
}

// requestInvalidatesTargets drops what is stored of a URI that was written to,
// whether or not the schema names tags (RFC 9111, section 4.4). In a fleet tags
// alone say what a write has changed: every URI would else be a tag that all must
// know.
func (b *builder) requestInvalidatesTargets() Step {
	if !b.invalidatesTargets() {
		return nil
	}
	return b.env.Store.InvalidateTargets
}

func (b *builder) invalidatesTargets() bool {
	return !b.env.Edge.DropIn && !b.env.FleetStore && b.writes()
}

// requestCache serves what is stored.
func (b *builder) requestCache() Step {
	p := b.rpc.Policy.Cache
	if p == nil {
		return nil
	}
	tags, err := newTags(b.rpc.Method, p.Tags)
	if err != nil {
		return made[Step](b, nil, err)
	}
	key, err := newCacheKey(b.rpc.Method, p.KeyFields)
	if err != nil {
		return made[Step](b, nil, err)
	}
	rule := *p
	rule.VaryHeaders = b.varied()
	name := b.rpc.Method.FullName
	step, err := b.env.Store.Middleware(cache.Rule{
		Policy:       rule,
		Name:         name,
		Key:          key.of,
		KeyFromURL:   true,
		Bypass:       beyondKey(forward.Names(rule.VaryHeaders, []string{"Authorization"})),
		Forwarded:    b.programKey(),
		Unkeyed:      unkeyed,
		Tags:         tags.of,
		Principal:    caller,
		OnOutcome:    b.env.onCache(name),
		OnEvent:      b.env.onCacheEvent(name),
		OnShadow:     b.onShadow("cache"),
		AuthRequired: b.authRequired(),
		Declare:      true,
		OnError:      refuse,

		IgnoreTargets: b.env.FleetStore,
	})
	return made(b, step, err)
}

// unkeyed reports whether a field is what the gateway tells upstreams of a request,
// which no key holds. The host is in every key.
func unkeyed(field string) bool {
	name := strings.ToLower(field)
	return forward.Written(name) && name != "x-forwarded-host"
}

// beyondKey reports whether more than is in the key decides on a request's response: a
// posted form that stands for the query, metadata of the client's own, or a header of
// those that select a response which the client keeps from travelling.
func beyondKey(travelling []string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		x := transcode.FromContext(r.Context())
		return x == nil || x.Form || sendsMetadata(r) || forward.Withholds(r.Header, travelling...)
	}
}
