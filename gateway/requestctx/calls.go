package requestctx

import "context"

// Calls is who keeps what became of a request's calls to its upstream, for whoever
// tells of the request when it is over. It is safe for concurrent use, as hedged
// attempts need it.
type Calls interface {
	// Reached tells the address that an attempt is sent to, which must not be changed.
	Reached(address *string)
}

// Reached tells the calls of the request that ctx is of, if any, which address an
// attempt is sent to.
func Reached(ctx context.Context, address *string) {
	if calls := CallsOf(ctx); calls != nil {
		calls.Reached(address)
	}
}

type callsKey struct{}

// CallsOf returns the calls of the request that ctx is of, or nil outside of one and
// for what no client waits for ([Unhurried]).
func CallsOf(ctx context.Context) Calls {
	c, _ := ctx.Value(callsKey{}).(Calls)
	return c
}
