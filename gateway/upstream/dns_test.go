package upstream

import (
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// lookups is a builder of scheme dns that keeps when it was asked.
type lookups struct {
	mu     sync.Mutex
	began  time.Time
	at     []time.Duration
	open   int
	refuse bool
	found  resolver.State
}

func (*lookups) Scheme() string { return "dns" }

func (l *lookups) Build(_ resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = append(l.at, time.Since(l.began))
	if l.refuse {
		return nil, errors.New("as told")
	}
	l.open++
	go cc.UpdateState(l.found) // the addresses are good
	return &lookup{l}, nil
}

type lookup struct{ *lookups }

func (lookup) ResolveNow(resolver.ResolveNowOptions) {}

func (l *lookup) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
}

func (l *lookups) times() []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]time.Duration(nil), l.at...)
}

// recorder is what a resolver reports to.
type recorder struct {
	resolver.ClientConn
	mu   sync.Mutex
	errs int
}

func (*recorder) UpdateState(resolver.State) error { return nil }

func (r *recorder) ReportError(error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs++
}

func target(t *testing.T, endpoint string) resolver.Target {
	t.Helper()
	var parsed resolver.Target
	parsed.URL.Scheme, parsed.URL.Path = "dns", "/"+endpoint
	return parsed
}

func TestNameIsLookedUpInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, cc := &lookups{began: time.Now()}, &recorder{}
		r, err := newRefresher(l, target(t, "vendor:9001"), cc, resolver.BuildOptions{}, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(67 * time.Second) // virtual: once is due after 54s to 66s
		got := l.times()
		if len(got) != 2 || got[1] < 54*time.Second || got[1] > 66*time.Second {
			t.Fatalf("looked up at %v, want 0 and about 1m", got)
		}

		time.Sleep(got[1] + 10*time.Second - 67*time.Second) // 10s after it
		for range 100 {
			r.ResolveNow(resolver.ResolveNowOptions{})
		}
		synctest.Wait()
		if got := l.times(); len(got) != 3 {
			t.Fatalf("looked up at %v, want a third time when asked", got)
		}
		for range 100 {
			r.ResolveNow(resolver.ResolveNowOptions{})
		}
		synctest.Wait()
		if got := l.times(); len(got) != 3 {
			t.Fatalf("looked up at %v, want no fourth time at once", got)
		}
		time.Sleep(resolveGap)
		synctest.Wait()
		if got := l.times(); len(got) != 4 {
			t.Fatalf("looked up at %v, want a fourth time after the gap", got)
		}

		l.mu.Lock()
		l.refuse = true
		l.mu.Unlock()
		time.Sleep(67 * time.Second)
		cc.mu.Lock()
		if cc.errs != 1 {
			t.Errorf("%d errors reported, want 1", cc.errs)
		}
		cc.mu.Unlock()
		r.Close()
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.open != 0 {
			t.Errorf("%d lookups are open after Close", l.open)
		}
	})
}

func TestAddressIsLookedUpOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, endpoint := range []string{"127.0.0.1:9001", "[::1]:9001", "127.0.0.1", "::1"} {
			l := &lookups{began: time.Now()}
			r, err := newRefresher(l, target(t, endpoint), &recorder{}, resolver.BuildOptions{}, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute) // virtual
			if got := l.times(); len(got) != 1 {
				t.Errorf("%s is looked up at %v, want once", endpoint, got)
			}
			r.Close()
		}
	})
}

func TestFirstLookupThatCannotBegin(t *testing.T) {
	if _, err := newRefresher(&lookups{refuse: true}, target(t, "vendor:9001"), &recorder{}, resolver.BuildOptions{}, time.Minute); err == nil {
		t.Error("no error")
	}
}

// The addresses of a name change without a connection being lost.
func TestNameThatGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a", "b")
		l := &lookups{began: time.Now(), found: found("a")}
		o := Options{Resolver: l, ResolveInterval: 10 * time.Second}
		conn := c.dialTarget("dns:///names:1", o)
		ready(t, conn)
		if got := spread(t, conn, 4); got["a"] != 4 {
			t.Errorf("responses: %v", got)
		}
		l.mu.Lock()
		l.found = found("a", "b")
		l.mu.Unlock()
		time.Sleep(11 * time.Second) // virtual
		synctest.Wait()
		if diff := cmp.Diff(map[string]int{"a": 2, "b": 2}, spread(t, conn, 4)); diff != "" {
			t.Errorf("responses after the name grew (-want +got):\n%s", diff)
		}
	})
}

// The whole way with a real name, real sockets and real time.
func TestRealName(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := newBackend("local")
	go b.server.Serve(listener) // it ends with Stop
	t.Cleanup(b.server.Stop)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := New("dns:///localhost:"+port, Options{ConnectionsPerAddress: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() // nothing is left
	group := newGroup(t, conn, GroupOptions{})
	if got := spread(t, conn, 10, group.UnaryClientInterceptor()); got["local"] != 10 {
		t.Errorf("responses: %v", got)
	}
	for _, a := range conn.View().Addresses {
		if a.Address == listener.Addr().String() && a.State == connectivity.Ready {
			return
		}
	}
	t.Errorf("View = %+v, want %s ready", conn.View(), listener.Addr())
}
