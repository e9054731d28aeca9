// Package redis is what stands between the gateway and a Redis server, so that
// the server's trouble never becomes the gateway's.
//
// A [Client] speaks to a single server, to the master that sentinels name, or to
// a cluster. Every call goes through [Do], which holds these promises whatever
// the server does, be it slow, silent, half open or gone:
//
//   - no call waits longer than [Options.Timeout], not even for a connection, and
//     all calls of one request together no longer than [Options.RequestBudget];
//   - a call whose reply nobody waits for any more still counts as in flight,
//     so that [Options.MaxInFlight] bounds what is sent and without a reply;
//   - after five failures in a row the node is given up: calls for it fail at
//     once, until a probe in the background, a small write, has its reply in
//     time. In a cluster each node is given up alone: the rest keeps going;
//   - a call is never repeated.
//
// A write without a reply in time may have been done, or may be done yet.
//
// A cluster must run with cluster-require-full-coverage no if the slots of its
// other nodes are to be served while a node without a replica is gone.
package redis

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/venta-hq/venta/gateway/requestctx"
)

// Client is a guarded connection to Redis. It is safe for concurrent use.
type Client struct {
	opts     Options
	conn     atomic.Pointer[rueidis.Client] // nil until the first connection
	topology atomic.Pointer[topology]
	// credentials are those of the next connection.
	credentials atomic.Pointer[Credentials]
	counters    counters
	changes     changes
	stop        context.CancelFunc

	mu     sync.RWMutex // closed, and Add of work
	closed bool
	work   sync.WaitGroup
}

// Open connects. It returns every fault of the options at once, and one error
// where the server is there and refuses: wrong credentials, no such database, a
// master that the sentinels do not know, a server that is no cluster. A server
// out of reach is an error only with [Options.Required] or where ctx ends first;
// otherwise the client starts unavailable and connects in the background.
//
// The client owns its goroutines until Close.
func Open(ctx context.Context, opts Options) (*Client, error) {
	opts = opts.withDefaults()
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	background, stop := context.WithCancel(context.Background())
	c := &Client{opts: opts, stop: stop}
	c.changes.tell = opts.OnChange
	c.topology.Store(newTopology(opts))
	credentials := opts.credentials()
	c.credentials.Store(&credentials)
	first := make(chan error, 1)
	c.work.Go(func() { c.run(background, first) })
	select {
	case err := <-first:
		if err != nil && (opts.Required || isFault(err)) {
			c.Close()
			return nil, c.startError(err)
		}
		return c, nil
	case <-ctx.Done():
		c.Close()
		return nil, unreachable(opts, context.Cause(ctx))
	}
}

func (c *Client) startError(err error) error {
	if isFault(err) {
		return refused(c.opts, err)
	}
	return unreachable(c.opts, err)
}

// Close ends the connections and waits for what is under way, which may take as
// long as [Options.DialTimeout] or a second where the server is silent. Calls
// fail from then on. Closing again has no effect. In a cluster that has just
// changed the library keeps a goroutine for up to five seconds more.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.stop()
	if r := c.conn.Load(); r != nil {
		(*r).Close()
	}
	c.work.Wait()
}

// Prefix returns [Options.KeyPrefix].
func (c *Client) Prefix() string { return c.opts.KeyPrefix }

// Cluster reports whether keys of one command must share a [Slot].
func (c *Client) Cluster() bool { return c.opts.Cluster }

// Conn returns the unguarded connection, for what lasts longer than a call such
// as subscriptions, and nil while there was none yet. It stays the same once it
// is there; the client closes it.
func (c *Client) Conn() rueidis.Client {
	if r := c.conn.Load(); r != nil {
		return *r
	}
	return nil
}

// Master returns the address of the master that sentinels name, as far as calls go
// there already, and "" in the other modes. What lasts longer than a call, and must
// be of the server that calls go to, compares it.
func (c *Client) Master() string {
	r := c.conn.Load()
	if c.opts.Sentinel == "" || r == nil {
		return ""
	}
	for address := range (*r).Nodes() {
		return address
	}
	return ""
}

// Available reports whether some node is connected and not given up.
func (c *Client) Available() bool {
	if c.conn.Load() == nil {
		return false
	}
	t := c.topology.Load()
	if t.slots == nil {
		return !t.rest.open.Load()
	}
	for _, g := range t.nodes {
		if !g.open.Load() {
			return true
		}
	}
	return false
}

// Do calls the node that serves key, within the client's promises; key is "" for
// a command without keys. It returns what fn returns, or an error that wraps
// [ErrUnavailable].
//
// fn runs on a goroutine of its own and may outlive Do, so it must change
// nothing but what it returns. Its context has ctx's values and neither its
// deadline nor its end: a command that was sent is waited for. All keys of fn
// must share the node of key. Errors of fn that are no reply of the server,
// rueidis.Nil and errors of parsing apart, count as failures of the node and are
// returned wrapped; so do replies such as LOADING, CLUSTERDOWN, READONLY and
// NOAUTH. The end of ctx is returned as it is and says nothing of the node; nor
// does the end of [Options.RequestBudget].
func Do[T any](ctx context.Context, c *Client, key string, fn func(context.Context, rueidis.Client) (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	g := c.topology.Load().of(key)
	if g.open.Load() {
		return none, c.reject(errGivenUp)
	}
	patience := c.opts.Timeout
	if waits := requestctx.WaitsOf(ctx); waits != nil {
		if patience = min(patience, waits.Left(c.opts.RequestBudget)); patience <= 0 {
			return none, c.reject(errSpent)
		}
		waits.Begin()
		defer waits.End()
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	hurried := patience < c.opts.Timeout
	r, err := c.enter(ctx, g, late.C, hurried)
	if err != nil {
		return none, err
	}
	c.counters.calls.Add(1)
	call := &call[T]{client: c, guard: g, hurried: hurried, begun: time.Now(), done: make(chan struct{})}
	go call.run(context.WithoutCancel(ctx), r, fn)
	return call.wait(ctx, late.C)
}

// enter takes a place in the guard and one in the client's work. Who is hurried has
// less than the node's time, and blames it for nothing.
func (c *Client) enter(ctx context.Context, g *guard, late <-chan time.Time, hurried bool) (rueidis.Client, error) {
	err := g.enter(ctx, late)
	switch {
	case err == nil:
		return c.begin(g)
	case errors.Is(err, errTimeout) && hurried:
		return nil, c.reject(errSpent)
	case errors.Is(err, errTimeout):
		return nil, c.late(g)
	case errors.Is(err, errGivenUp):
		return nil, c.reject(err)
	default:
		return nil, err // the caller's end
	}
}

// begin counts a call that has its place as work that Close waits for.
func (c *Client) begin(g *guard) (rueidis.Client, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	r := c.conn.Load()
	if !c.closed && r != nil {
		c.work.Add(1)
		return *r, nil
	}
	g.leave()
	if c.closed {
		return nil, c.reject(ErrClosed)
	}
	return nil, c.reject(errNever)
}

func (c *Client) isClosed() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.closed
}

func (c *Client) reject(why error) error {
	c.counters.rejected.Add(1)
	return &unavailable{why}
}

// late counts a call without a reply in time.
func (c *Client) late(g *guard) error {
	c.counters.timeouts.Add(1)
	c.fail(g, errTimeout)
	return &unavailable{errTimeout}
}
