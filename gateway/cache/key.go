package cache

import (
	"net/http"

	"github.com/venta-hq/venta/gateway/cache/internal/memory"
	"github.com/venta-hq/venta/gateway/policy"
)

// keys finds what a request's response is stored under.
type keys struct{ *route }

// compose returns the key, or says why the request passes the cache by. learn is
// true where the key is not known from the URL and could be.
func (k keys) compose(r *http.Request) (key memory.Key, learn bool, bypass string, err error) {
	key = memory.Key{Scope: k.scope, Host: k.store.opts.Host(r)}
	if k.rule.Policy.Audience == policy.AudiencePrincipal {
		if key.Principal = k.rule.Principal(r); key.Principal == "" {
			return key, false, "anonymous", nil
		}
	}
	request, learn, ok, err := k.ofRule(r)
	if err != nil || !ok {
		return key, false, "key", err
	}
	key.Request = request
	if k.rule.Forwarded != nil {
		if key.Forwarded, err = k.rule.Forwarded(r); err != nil {
			return key, false, "key", err
		}
	}
	if key.Bytes() > k.store.opts.MaxKeyBytes {
		k.event(r, KeyTooLarge)
		return key, false, "key-size", nil
	}
	return key, learn, "", nil
}

// ofRule returns the rule's key, from memory where it depends on the URL alone.
func (k keys) ofRule(r *http.Request) (key string, learn, ok bool, err error) {
	if !k.rule.KeyFromURL || r.URL.Opaque != "" {
		key, ok, err = k.rule.Key(r)
		return key, false, ok, err
	}
	if known, ok := k.store.urls.Key(k.url(r)); ok {
		return known, false, true, nil
	}
	key, ok, err = k.rule.Key(r)
	return key, true, ok, err
}

func (k keys) url(r *http.Request) memory.URL {
	return memory.URL{Route: k.id, Path: r.URL.Path, Raw: r.URL.RawPath, Query: r.URL.RawQuery}
}

// learn remembers the key of a URL that has had its first hit: a flood of others
// does not reach what is remembered.
func (k keys) learn(r *http.Request, key memory.Key) {
	if url := k.url(r); url.Bytes() <= k.store.opts.MaxKeyBytes {
		k.store.urls.Remember(url, key.Request)
	}
}
