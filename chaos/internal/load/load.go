// Package load calls a gateway as independent clients do: at a fixed rate,
// whether or not it responds (an open loop).
//
// A request's latency counts from when it was meant to be sent, so that a
// generator or a gateway that stalls cannot hide its stall by sending less
// (coordinated omission).
package load

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Request is one request of a load.
type Request struct {
	Name   string // of its kind, such as "read"
	Method string
	Path   string
	Body   string
	From   string // the client's address, told in X-Forwarded-For
	Header http.Header
}

// Plan is a load.
type Plan struct {
	// Base is where the gateway is, such as "http://127.0.0.1:8080".
	Base string
	// Header is sent with every request.
	Header http.Header
	// Rate is the requests a second. Required.
	Rate float64
	// Duration is how long requests are sent. Required.
	Duration time.Duration
	// MaxInFlight bounds the requests that wait for a response; what would be sent
	// beyond it is counted as skipped. Default: 2000.
	MaxInFlight int
	// Timeout is how long a client waits. Default: 10s.
	Timeout time.Duration
	// Transport carries the requests. Default: one of the load's own.
	Transport http.RoundTripper
	// Next returns the i-th request. One goroutine calls it.
	Next func(i int) Request
}

const (
	defaultMaxInFlight = 2000
	defaultTimeout     = 10 * time.Second
)

// Run is a load that runs or has run.
type Run struct {
	plan   Plan
	client *http.Client
	cancel context.CancelFunc // ends the sending, not requests under way
	began  time.Time
	slots  chan struct{}
	done   chan struct{}

	mu      sync.Mutex
	samples []Sample
	skipped int
}

// Start begins a load. It ends after its duration, with [Run.Stop] or with ctx,
// which also ends the requests under way.
func Start(ctx context.Context, p Plan) *Run {
	if p.MaxInFlight == 0 {
		p.MaxInFlight = defaultMaxInFlight
	}
	if p.Timeout == 0 {
		p.Timeout = defaultTimeout
	}
	if p.Transport == nil {
		p.Transport = &http.Transport{MaxIdleConnsPerHost: p.MaxInFlight}
	}
	r := &Run{
		plan:   p,
		client: &http.Client{Transport: p.Transport, Timeout: p.Timeout},
		slots:  make(chan struct{}, p.MaxInFlight),
		done:   make(chan struct{}),
		began:  time.Now(),
	}
	sending, cancel := context.WithCancel(ctx)
	r.cancel = cancel
	go r.send(ctx, sending)
	return r
}

// Elapsed is how long the load has run.
func (r *Run) Elapsed() time.Duration { return time.Since(r.began) }

// Stop sends no more requests and returns what the clients saw, once all have
// their responses.
func (r *Run) Stop() Seen {
	r.cancel()
	seen := r.Wait()
	seen.Span = lasted(seen.Samples)
	return seen
}

// Wait returns what the clients saw, once all have their responses.
func (r *Run) Wait() Seen {
	<-r.done
	r.mu.Lock()
	defer r.mu.Unlock()
	return Seen{Samples: r.samples, Skipped: r.skipped, Span: r.plan.Duration}
}

func (r *Run) send(ctx, sending context.Context) {
	defer close(r.done)
	defer r.cancel()
	defer r.client.CloseIdleConnections()
	var pending sync.WaitGroup
	defer pending.Wait()
	for i := 0; ; i++ {
		at := time.Duration(float64(i) / r.plan.Rate * float64(time.Second))
		if at >= r.plan.Duration || !r.sleepUntil(sending, at) {
			return
		}
		request := r.plan.Next(i)
		select {
		case r.slots <- struct{}{}:
			pending.Go(func() { r.measure(ctx, at, request) })
		default:
			r.skip()
		}
	}
}

func (r *Run) sleepUntil(ctx context.Context, at time.Duration) bool {
	timer := time.NewTimer(at - r.Elapsed())
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (r *Run) skip() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.skipped++
}

func (r *Run) measure(ctx context.Context, at time.Duration, request Request) {
	defer func() { <-r.slots }()
	sample := r.call(ctx, request)
	sample.Name, sample.At, sample.Took = request.Name, at, r.Elapsed()-at
	r.mu.Lock()
	defer r.mu.Unlock()
	r.samples = append(r.samples, sample)
}

func (r *Run) call(ctx context.Context, request Request) Sample {
	sent, err := http.NewRequestWithContext(ctx, request.Method, r.plan.Base+request.Path, strings.NewReader(request.Body))
	if err != nil {
		return Sample{Failure: err.Error()}
	}
	maps.Copy(sent.Header, r.plan.Header)
	maps.Copy(sent.Header, request.Header)
	sent.Header.Set("X-Forwarded-For", request.From)
	response, err := r.client.Do(sent)
	if err != nil {
		return Sample{Failure: kind(err)}
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return Sample{Failure: fmt.Sprintf("%d, then %s", response.StatusCode, kind(err))}
	}
	return Sample{Status: response.StatusCode, Reason: reason(response.StatusCode, body)}
}
