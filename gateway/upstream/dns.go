package upstream

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"google.golang.org/grpc/resolver"
)

// refresher looks a name up again in time. grpc-go's resolver for dns does so
// only when a connection is lost, and no more often than an interval that is one
// for the whole process. A new resolver looks up at once, so the refresher
// replaces it each time.
type refresher struct {
	builder  resolver.Builder
	target   resolver.Target
	cc       resolver.ClientConn
	options  resolver.BuildOptions
	interval time.Duration

	asked  chan struct{} // holds one
	cancel context.CancelFunc
	done   chan struct{}
}

// newRefresher starts the first resolver. A target that is an address needs no
// other.
func newRefresher(b resolver.Builder, target resolver.Target, cc resolver.ClientConn, o resolver.BuildOptions, interval time.Duration) (resolver.Resolver, error) {
	first, err := b.Build(target, cc, o)
	if err != nil || isAddress(target.Endpoint()) {
		return first, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &refresher{
		builder: b, target: target, cc: cc, options: o, interval: interval,
		asked: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{}),
	}
	go r.run(ctx, first)
	return r, nil
}

func isAddress(endpoint string) bool {
	host, _, err := net.SplitHostPort(endpoint)
	if err != nil {
		host = endpoint
	}
	_, err = netip.ParseAddr(host)
	return err == nil
}

// run replaces the resolver until ctx ends.
func (r *refresher) run(ctx context.Context, current resolver.Resolver) {
	defer close(r.done)
	defer func() { current.Close() }()
	for r.wait(ctx) {
		next, err := r.builder.Build(r.target, r.cc, r.options)
		if err != nil {
			r.cc.ReportError(err)
			continue
		}
		current.Close()
		current = next
	}
}

// wait returns when the name is due, or false when ctx has ended.
func (r *refresher) wait(ctx context.Context) bool {
	gap := time.NewTimer(min(resolveGap, r.interval))
	defer gap.Stop()
	// Gateways that started together must not ask together for ever.
	due := time.NewTimer(time.Duration(float64(r.interval) * (0.9 + 0.2*rand.Float64()))) //nolint:gosec // no secret
	defer due.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-gap.C:
	}
	select {
	case <-ctx.Done():
		return false
	case <-due.C:
	case <-r.asked:
	}
	return true
}

// ResolveNow asks for an earlier lookup.
func (r *refresher) ResolveNow(resolver.ResolveNowOptions) {
	select {
	case r.asked <- struct{}{}:
	default: // one is asked for already
	}
}

// Close ends the lookups.
func (r *refresher) Close() {
	r.cancel()
	<-r.done
}
