package cache

import (
	"context"
	"net/http"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// ttl is how long an answer of this status is fresh where it does not say so
// itself; 0 is one that is not stored. Of the statuses that say that there is
// nothing, 404 and 410 may be stored by default (RFC 9110, section 15.1).
func (h *handler) ttl(status int) time.Duration {
	switch status {
	case http.StatusOK:
		return h.rule.Policy.TTL
	case http.StatusNotFound, http.StatusGone:
		return h.rule.Policy.NegativeTTL
	}
	return 0
}

func (p plan) negative() bool { return rfc9111.IsNegative(p.status) }

type failureKey struct{}

// RememberError tells the cache in whose question ctx is that its answer is an
// error. A NOT_FOUND that the policy lets be remembered is then written by
// Rule.OnError for each request that shares it, so that a client sees its own
// request's id in its own format. Without it the answer's bytes are shared.
// err must stay as it is. RememberError must be called before the handler
// returns, by one goroutine; elsewhere it does nothing.
func RememberError(ctx context.Context, err error) {
	if failure, ok := ctx.Value(failureKey{}).(*error); ok {
		*failure = err
	}
}

// withFailure lets RememberError reach the fill.
func (f *fill) withFailure(ctx context.Context) context.Context {
	if f.handler.rule.Policy.NegativeTTL <= 0 {
		return ctx
	}
	return context.WithValue(ctx, failureKey{}, &f.failure)
}
