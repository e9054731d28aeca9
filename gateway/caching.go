package gateway

import (
	"net/http"
	"slices"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/compression"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/transcode"
)

// newStore makes the store of answers. It keeps them as they are sent, by the
// rules of the compression before it.
func newStore(o Options) (*cache.Store, error) {
	options := cache.Options{
		MaxBytes: o.CacheMaxBytes,
		Jitter:   cache.DefaultJitter,
		Logger:   o.Logger,
		Remote:   o.CacheRemote,
	}
	if !o.UncompressedAnswers {
		encoder, err := compression.NewEncoder(compression.Options{})
		if err != nil {
			return nil, err
		}
		options.Encoder = encoder
	}
	return cache.NewStore(options)
}

// invalidates purges what a write has made stale.
func (b *builder) invalidates() middleware {
	p := b.policy.Invalidates
	if p == nil {
		return nil
	}
	tags, err := newTags(b.method, p.Tags)
	if err != nil {
		return b.step(nil, err)
	}
	return b.step(b.gateway.store.Invalidator(cache.InvalidateRule{
		Tags: tags.of, Shadow: p.Shadow, OnShadow: b.shadow("invalidates"), OnError: b.refuse,
	}))
}

// invalidatesTargets drops what is stored of a URI that was written to, whether
// or not the schema names tags (RFC 9111, section 4.4). In a fleet tags alone say
// what a write has changed: every URI would else be a tag that all must know.
func (b *builder) invalidatesTargets() middleware {
	if b.gateway == nil || b.dropIn || !b.writes || b.gateway.options.CacheRemote != nil {
		return nil
	}
	return b.gateway.store.InvalidateTargets
}

// cache answers from what is stored.
func (b *builder) cache() middleware {
	p := b.policy.Cache
	if p == nil {
		return nil
	}
	tags, err := newTags(b.method, p.Tags)
	if err != nil {
		return b.step(nil, err)
	}
	key, err := newCacheKey(b.method, p.KeyFields)
	if err != nil {
		return b.step(nil, err)
	}
	rule := *p
	if len(b.gateway.options.MuxOptions) > 0 { // marshalers may be chosen by what the client accepts
		rule.VaryHeaders = append(slices.Clone(p.VaryHeaders), "Accept")
	}
	auth := b.policy.Auth
	return b.step(b.gateway.store.Middleware(cache.Rule{
		Policy:       rule,
		Name:         b.method.FullName,
		Key:          key.of,
		KeyFromURL:   true,
		Bypass:       beyondURL,
		Tags:         tags.of,
		Principal:    principal,
		OnOutcome:    b.gateway.countCache(b.method.FullName),
		OnEvent:      b.countCacheEvent,
		OnShadow:     b.shadow("cache"),
		AuthRequired: auth != nil && auth.Requirement == policy.AuthRequired && !auth.Shadow,
		OnError:      b.refuse,

		IgnoreTargets: b.gateway.options.CacheRemote != nil,
	}))
}

// countCacheEvent counts what was refused, left out or refreshed.
func (b *builder) countCacheEvent(_ *http.Request, e cache.Event) {
	b.gateway.telemetry.Metrics.CacheEvent(b.method.FullName, string(e))
}

// beyondURL reports whether more than a request's URL decides on its answer: a
// posted form that stands for the query, or metadata of the client's own.
func beyondURL(r *http.Request) bool {
	x := transcode.FromContext(r.Context())
	return x == nil || x.Form || sendsMetadata(r)
}
