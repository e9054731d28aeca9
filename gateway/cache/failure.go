package cache

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// told is what the handler has told of the response to one exchange.
type told struct {
	failure    error // see RememberError
	byUpstream atomic.Bool
}

type toldKey struct{}

// RememberError tells the cache in whose request to the handler ctx is that the
// response is an error. A NOT_FOUND that the policy lets be stored is then written
// by Rule.OnError for each request that shares it, so that a client sees its own
// request's id in its own format. Without it the response's bytes are shared.
// err must stay as it is. RememberError must be called before the handler
// returns, by one goroutine; elsewhere it does nothing.
func RememberError(ctx context.Context, err error) {
	if t, ok := ctx.Value(toldKey{}).(*told); ok {
		t.failure = err
	}
}

// FromUpstream tells the cache in whose request to the handler ctx is that an upstream
// has responded, be it with an error. It may be called by any goroutine, before the
// response is written; elsewhere it does nothing. See [Options].CallsReported.
func FromUpstream(ctx context.Context) {
	if t, ok := ctx.Value(toldKey{}).(*told); ok {
		t.byUpstream.Store(true)
	}
}

// listening returns the context in which the handler can tell.
func (x *exchange) listening() context.Context {
	if x.rule.Policy.NegativeTTL == 0 && !x.store.opts.CallsReported {
		return x.ctx
	}
	return context.WithValue(x.ctx, toldKey{}, &x.told)
}

// isOfResource reports whether a response of this status says something of what is
// stored under the key: a refusal of the handler's own is about the one request.
func (x *exchange) isOfResource(status int) bool {
	if !rfc9111.Supersedes(status) {
		return false
	}
	return status < http.StatusBadRequest || !x.store.opts.CallsReported || x.told.byUpstream.Load()
}
