package load

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Client is one client with a connection of its own.
type Client interface {
	// Do sends a request and reads the response, whole.
	Do(ctx context.Context, request Request) Sample
	Close()
}

// KeepAlive is a load of clients that keep their connections: each waits for its
// response, then for a while, and sends again (a closed loop, as a pool of
// connections has it).
type KeepAlive struct {
	// Client returns the i-th client. Required.
	Client func(i int) Client
	// Clients is how many there are. Required.
	Clients int
	// Pause is the longest time between a response and the next request; each pause
	// is a random part of it. Required.
	Pause time.Duration
	// Next returns the i-th request. It must be safe for concurrent use.
	Next func(i int) Request
}

// Kept is a load of clients that runs.
type Kept struct {
	began  time.Time
	cancel context.CancelFunc // ends the pauses, not requests under way
	all    sync.WaitGroup

	mu      sync.Mutex
	sent    int
	samples []Sample
}

// Keep begins a load. It ends with [Kept.Stop] or with ctx, which also ends the
// requests under way.
func Keep(ctx context.Context, k KeepAlive) *Kept {
	sending, cancel := context.WithCancel(ctx)
	r := &Kept{began: time.Now(), cancel: cancel}
	for i := range k.Clients {
		r.all.Go(func() { r.run(ctx, sending, k, k.Client(i)) })
	}
	return r
}

// Count is how many requests had a response, or failed.
func (r *Kept) Count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.samples)
}

// Stop sends no more requests and returns what the clients saw, once all have
// their responses.
func (r *Kept) Stop() Seen {
	r.cancel()
	r.all.Wait()
	return Seen{Samples: r.samples, Span: lasted(r.samples)}
}

func (r *Kept) run(ctx, sending context.Context, k KeepAlive, c Client) {
	defer c.Close()
	for pause(sending, time.Duration(rand.Int64N(int64(k.Pause)))) {
		request := k.Next(r.number())
		at := time.Since(r.began)
		sample := c.Do(ctx, request)
		sample.Name, sample.At, sample.Took = request.Name, at, time.Since(r.began)-at
		r.mu.Lock()
		r.samples = append(r.samples, sample)
		r.mu.Unlock()
	}
}

func (r *Kept) number() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent++
	return r.sent
}

// pause reports false where ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
