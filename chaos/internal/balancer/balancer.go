// Package balancer is the load balancer in front of several gateways: round
// robin over those that say they are ready.
package balancer

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Member is a gateway.
type Member struct {
	Base  string                     // URL of the REST routes
	Ready func(context.Context) bool // calls /readyz
}

// interval is how often members are probed. One probe decides.
const interval = 100 * time.Millisecond

// Balancer forwards each request to one member, once: it never makes a second
// attempt, so that it hides no failure.
type Balancer struct {
	members []*member
	next    atomic.Uint64
	server  *http.Server
	address string
	stop    context.CancelFunc
	running sync.WaitGroup
}

type member struct {
	Member
	in    atomic.Bool
	proxy *httputil.ReverseProxy
}

// Start serves on a free port of loopback. End it with [Balancer.Close].
func Start(members ...Member) (*Balancer, error) {
	b := &Balancer{}
	for _, m := range members {
		base, err := url.Parse(m.Base)
		if err != nil {
			return nil, err
		}
		b.members = append(b.members, &member{Member: m, proxy: forward(base)})
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("balancer: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	b.address, b.stop = listener.Addr().String(), stop
	b.server = &http.Server{Handler: b, ReadHeaderTimeout: time.Minute}
	for _, m := range b.members {
		m.in.Store(m.Ready(ctx))
		b.running.Go(func() { m.watch(ctx) })
	}
	b.running.Go(func() { _ = b.server.Serve(listener) }) // ends with Close
	return b, nil
}

func forward(base *url.URL) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(base)
			r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 100},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
}

// Base is the URL of the balancer.
func (b *Balancer) Base() string { return "http://" + b.address }

// In reports whether the i-th member gets requests.
func (b *Balancer) In(i int) bool { return b.members[i].in.Load() }

// ServeHTTP implements http.Handler.
func (b *Balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	first := b.next.Add(1)
	for i := range uint64(len(b.members)) {
		m := b.members[(first+i)%uint64(len(b.members))]
		if m.in.Load() {
			m.proxy.ServeHTTP(w, r)
			return
		}
	}
	http.Error(w, "no gateway is ready", http.StatusServiceUnavailable)
}

// Close ends the balancer and waits for that.
func (b *Balancer) Close() error {
	b.stop()
	err := b.server.Close()
	b.running.Wait()
	for _, m := range b.members {
		m.proxy.Transport.(*http.Transport).CloseIdleConnections()
	}
	return err
}

func (m *member) watch(ctx context.Context) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			m.in.Store(m.Ready(ctx))
		}
	}
}
