package cache

import "context"

type failureKey struct{}

// RememberError tells the cache in whose request to the handler ctx is that the
// response is an error. A NOT_FOUND that the policy lets be stored is then written
// by Rule.OnError for each request that shares it, so that a client sees its own
// request's id in its own format. Without it the response's bytes are shared.
// err must stay as it is. RememberError must be called before the handler
// returns, by one goroutine; elsewhere it does nothing.
func RememberError(ctx context.Context, err error) {
	if failure, ok := ctx.Value(failureKey{}).(*error); ok {
		*failure = err
	}
}

// withFailure lets RememberError reach failure.
func withFailure(ctx context.Context, failure *error) context.Context {
	return context.WithValue(ctx, failureKey{}, failure)
}
