package upstream

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
)

// controlPlane stands for xds: a resolver that brings a balancer of its own.
type controlPlane struct {
	config string

	mu        sync.Mutex
	addresses []string
	cc        resolver.ClientConn
}

func (*controlPlane) Scheme() string { return "xds" }

func (p *controlPlane) Build(_ resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	p.mu.Lock()
	p.cc = cc
	p.mu.Unlock()
	p.send()
	return p, nil
}

func (p *controlPlane) send(addresses ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(addresses) > 0 {
		p.addresses = addresses
	}
	state := found(p.addresses...)
	state.ServiceConfig = p.cc.ParseServiceConfig(p.config)
	_ = p.cc.UpdateState(state) // a test of bad configs looks at the calls
}

func (*controlPlane) ResolveNow(resolver.ResolveNowOptions) {}

func (*controlPlane) Close() {}

const roundRobinConfig = `{"loadBalancingConfig":[{"not_linked":{}},{"round_robin":{}}]}`

func (c *cluster) dialLayered(o Options, config string, names ...string) (*Conn, *controlPlane) {
	c.t.Helper()
	plane := &controlPlane{config: config, addresses: names}
	o.Resolver = plane
	return c.dialTarget("xds:///names", o), plane
}

func TestLayerEjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a", "b", "c")
		conn, _ := c.dialLayered(Options{}, roundRobinConfig, "a", "b", "c")
		step := newGroup(t, conn, GroupOptions{Name: "names"}).UnaryClientInterceptor()
		ready(t, conn)
		if diff := cmp.Diff(map[string]int{"a": 10, "b": 10, "c": 10}, spread(t, conn, 30)); diff != "" {
			t.Errorf("responses (-want +got):\n%s", diff)
		}
		c.backend("b").fail(codes.Unavailable)
		if got := spread(t, conn, 9, step); got["Unavailable"] != 2 {
			t.Errorf("responses until b is ejected: %v, want 2 failures", got)
		}
		if diff := cmp.Diff(map[string]int{"a": 15, "c": 15}, spread(t, conn, 30, step)); diff != "" {
			t.Errorf("responses with b ejected (-want +got):\n%s", diff)
		}
		c.backend("b").behave(func(context.Context) error { return nil })
		time.Sleep(time.Second) // virtual
		spread(t, conn, 3, step)
		even(conn)
		if got := spread(t, conn, 1000, step); got["b"] < 40 || got["b"] > 60 {
			t.Errorf("responses on its return: %v, want about 48 of b", got)
		}
		if got := conn.View(); got.InFlight != 0 || len(got.Addresses) != 3 || got.Addresses[1].Ejections[0].Share > 0.11 {
			t.Errorf("View = %+v", got)
		}
	})
}

func TestLayerRefusesWhenAllAreEjected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a", "b")
		conn, _ := c.dialLayered(Options{}, roundRobinConfig, "a", "b")
		step := newGroup(t, conn, GroupOptions{}).UnaryClientInterceptor()
		ready(t, conn)
		c.backend("a").fail(codes.Unavailable)
		c.backend("b").fail(codes.Unavailable)
		spread(t, conn, 4, step)
		if _, err := call(t.Context(), conn, step); !apierror.Refused(err) {
			t.Errorf("call = %v, want the gateway's refusal", err)
		}
		if _, err := call(t.Context(), conn); apierror.Refused(err) {
			t.Errorf("a call without the group: %v", err)
		}
		if got := c.backend("a").calls.Load() + c.backend("b").calls.Load(); got != 5 {
			t.Errorf("%d calls arrived, want 5", got)
		}
	})
}

func TestLayerSpreadsAttemptsAndStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a", "b", "c")
		conn, _ := c.dialLayered(Options{}, roundRobinConfig, "a", "b", "c")
		group := newGroup(t, conn, GroupOptions{})
		ready(t, conn)
		for range 10 {
			if _, err := call(t.Context(), conn, group.UnaryClientInterceptor(), attempts(3), SpreadAttempts()); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range names(3) {
			if got := c.backend(name).calls.Load(); got != 10 {
				t.Errorf("%s got %d attempts, want 10", name, got)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c.backend("a").behave(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		for range 3 {
			hold(t, ctx, conn, group.StreamClientInterceptor())
		}
		synctest.Wait()
		if got := conn.View().Addresses[0].InFlight; got < 1 {
			t.Errorf("address a has %d streams in flight", got)
		}
	})
}

func TestLayerFollowsTheControlPlane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a", "b", "c")
		var mu sync.Mutex
		gone := 0
		conn, plane := c.dialLayered(Options{SlowStart: 10 * time.Second, OnChange: func(change Change) {
			mu.Lock()
			defer mu.Unlock()
			if change.Address == "a" && change.To == connectivity.Shutdown {
				gone++
			}
		}}, roundRobinConfig, "a", "b")
		group := newGroup(t, conn, GroupOptions{})
		ready(t, conn)
		time.Sleep(20 * time.Second) // virtual: warmed up
		spread(t, conn, 4, group.UnaryClientInterceptor())
		plane.send("b", "c")
		synctest.Wait()
		if got := conn.View().Addresses; len(got) != 2 || got[1].Share != leastShare {
			t.Errorf("addresses %+v, want b, and c in slow start", got)
		}
		even(conn)
		if got := spread(t, conn, 110); got["c"] < 8 || got["c"] > 12 {
			t.Errorf("responses: %v, want about 10 of c", got)
		}
		if (*group.members.Load())["a"] != nil {
			t.Error("the group remembers an address that is no more")
		}
		plane.mu.Lock()
		plane.config = `{"loadBalancingConfig":[{"pick_first":{}}]}`
		plane.mu.Unlock()
		plane.send()
		synctest.Wait()
		if got := spread(t, conn, 10, group.UnaryClientInterceptor()); len(got) != 1 {
			t.Errorf("responses under pick_first: %v, want one address", got)
		}
		mu.Lock()
		defer mu.Unlock()
		if gone != 1 {
			t.Errorf("a's end was told %d times", gone)
		}
	})
}

func TestLayerOverNothing(t *testing.T) {
	for _, config := range []string{"", "{", `{"loadBalancingConfig":[{"not_linked":{}}]}`, `{"loadBalancingConfig":7}`} {
		synctest.Test(t, func(t *testing.T) {
			conn, plane := newCluster(t, "a").dialLayered(Options{}, config, "a")
			conn.Connect()
			synctest.Wait()
			if _, err := call(t.Context(), conn); status.Code(err) != codes.Unavailable {
				t.Errorf("config %q: call = %v, want UNAVAILABLE", config, err)
			}
			plane.mu.Lock()
			plane.config = roundRobinConfig
			plane.mu.Unlock()
			plane.send()
			synctest.Wait()
			if _, err := call(t.Context(), conn, newGroup(t, conn, GroupOptions{}).UnaryClientInterceptor()); err != nil {
				t.Errorf("call = %v after a good config", err)
			}
		})
	}
}

func TestLayeredTargetRefusesConnectionsPerAddress(t *testing.T) {
	_, err := New("xds:///names", Options{Resolver: &controlPlane{}, ConnectionsPerAddress: 2})
	if err == nil || !strings.Contains(err.Error(), "ConnectionsPerAddress") {
		t.Errorf("New = %v, want an error of ConnectionsPerAddress", err)
	}
}

func TestLayerIdles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, _ := newCluster(t, "a").dialLayered(Options{IdleTimeout: time.Second}, roundRobinConfig, "a")
		for range 2 {
			if _, err := call(t.Context(), conn, SpreadAttempts()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute) // virtual
			if got := conn.View().Addresses; len(got) != 0 {
				t.Errorf("addresses %+v, want none while idle", got)
			}
		}
	})
}

// counting picks one connection and counts what is in use of its picks.
type counting struct {
	to            *subConn
	picked, ended int
}

func (c *counting) Pick(balancer.PickInfo) (balancer.PickResult, error) {
	c.picked++
	return balancer.PickResult{SubConn: c.to, Done: func(balancer.DoneInfo) { c.ended++ }}, nil
}

// What the balancer below counts for a choice that is not used, it must get back.
func TestChoicesThatAreNotUsedEnd(t *testing.T) {
	h := newHub("bench", Options{}.withDefaults())
	l := &layer{hub: h, endpoints: map[string]*sharedEndpoint{}}
	below := &counting{to: &subConn{layer: l, endpoint: l.use("a")}}
	p := &layerPicker{layer: l, below: below}
	group := newGroup(t, &Conn{hub: h}, GroupOptions{NewBreaker: func(string, func(ctx context.Context, from, to State)) (Breaker, error) { return stubBreaker{}, nil }})
	if _, err := p.Pick(balancer.PickInfo{Ctx: newAttempt(t.Context(), group)}); !apierror.Refused(err) {
		t.Errorf("Pick = %v, want the refusal", err)
	}
	if below.picked != asksPerAddress || below.ended != below.picked {
		t.Errorf("%d choices, %d ended; want %d of each", below.picked, below.ended, asksPerAddress)
	}
	result, err := p.Pick(balancer.PickInfo{Ctx: t.Context()})
	if err != nil || below.picked != below.ended+1 {
		t.Fatalf("Pick = %v, %d choices, %d ended", err, below.picked, below.ended)
	}
	result.Done(balancer.DoneInfo{})
	if below.picked != below.ended || h.active.Load() != 0 {
		t.Errorf("%d choices, %d ended, %d in flight", below.picked, below.ended, h.active.Load())
	}
}
