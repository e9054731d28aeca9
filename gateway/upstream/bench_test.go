package upstream

import (
	"context"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
)

// fixed is the picker of a connection that is ready, as pick_first's is.
type fixed struct{ result balancer.PickResult }

func (f *fixed) Pick(balancer.PickInfo) (balancer.PickResult, error) { return f.result, nil }

// roundRobin is what grpc-go's round_robin picks by.
type roundRobin struct {
	pickers []balancer.Picker
	next    atomic.Uint32
}

func (r *roundRobin) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	return r.pickers[r.next.Add(1)%uint32(len(r.pickers))].Pick(info)
}

func benchmarkPicker(connections int) (*Conn, *picker) {
	h := newHub("bench", Options{ConnectionsPerAddress: connections}.withDefaults())
	endpoints := map[string]*endpoint{}
	for _, name := range names(3) {
		e := newEndpoint(h, name, connections)
		for _, c := range e.conns {
			c.latest.Store(&connSeen{state: connectivity.Ready, picker: &fixed{}})
		}
		endpoints[name] = e
	}
	return &Conn{hub: h}, newPicker(h, new(atomic.Uint64), endpoints)
}

func pickAndEnd(b *testing.B, p balancer.Picker, ctx context.Context) {
	result, err := p.Pick(balancer.PickInfo{FullMethodName: unaryMethod, Ctx: ctx})
	if err != nil {
		b.Fatal(err)
	}
	if result.Done != nil {
		result.Done(balancer.DoneInfo{BytesSent: true})
	}
}

func BenchmarkPick(b *testing.B) {
	b.Run("round_robin", func(b *testing.B) {
		r := &roundRobin{pickers: []balancer.Picker{&fixed{}, &fixed{}, &fixed{}}}
		b.ReportAllocs()
		for b.Loop() {
			pickAndEnd(b, r, b.Context())
		}
	})
	for name, connections := range map[string]int{"plain": 1, "plain of 4 connections": 4} {
		b.Run(name, func(b *testing.B) {
			_, p := benchmarkPicker(connections)
			b.ReportAllocs()
			for b.Loop() {
				pickAndEnd(b, p, b.Context())
			}
		})
	}
	for _, spread := range []bool{false, true} {
		name := "group"
		if spread {
			name = "group and spread"
		}
		b.Run(name, func(b *testing.B) {
			conn, p := benchmarkPicker(1)
			group, err := conn.NewGroup(GroupOptions{Name: "bench", NewBreaker: realBreakers(endpointPolicy())})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				ctx := b.Context()
				if spread {
					ctx = &attempt{Context: ctx, tried: &tried{}}
				}
				a := newAttempt(ctx, group)
				pickAndEnd(b, p, a)
				a.finish(ctx, nil)
			}
		})
	}
}
