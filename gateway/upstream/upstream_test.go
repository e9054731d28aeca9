package upstream

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestOptionsOutOfBounds(t *testing.T) {
	tests := map[string]Options{
		"ConnectionsPerAddress":         {ConnectionsPerAddress: 65},
		"ConnectTimeout":                {ConnectTimeout: time.Millisecond},
		"BackoffBase":                   {BackoffBase: time.Hour},
		"BackoffMax":                    {BackoffBase: time.Second, BackoffMax: time.Millisecond},
		"KeepaliveTime":                 {KeepaliveTime: time.Second},
		"KeepaliveTimeout":              {KeepaliveTimeout: time.Hour},
		"IdleTimeout":                   {IdleTimeout: time.Millisecond},
		"ResolveInterval":               {ResolveInterval: -time.Second},
		"EjectionReturn":                {EjectionReturn: time.Millisecond},
		"SlowStart":                     {SlowStart: 2 * time.Hour},
		"MaxReceiveBytes":               {MaxReceiveBytes: 1},
		"MaxSendBytes":                  {MaxSendBytes: -1},
		"StreamWindowBytes":             {StreamWindowBytes: 1},
		"ConnectionWindowBytes":         {ConnectionWindowBytes: -1},
		"the length of HealthCheck":     {HealthCheck: HealthCheck{Service: strings.Repeat("x", 1025)}},
		"CertFile and KeyFile":          {TLS: &TLS{CertFile: "cert.pem"}},
		"tls: open /nowhere/ca.pem":     {TLS: &TLS{CAFile: "/nowhere/ca.pem"}},
		"tls: open /nowhere/client.pem": {TLS: &TLS{CertFile: "/nowhere/client.pem", KeyFile: "/nowhere/client.key"}},
	}
	for want, options := range tests {
		t.Run(want, func(t *testing.T) {
			conn, err := New("127.0.0.1:1", options)
			if err == nil {
				conn.Close() // the test has failed
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), `upstream "127.0.0.1:1": `) {
				t.Errorf("error %q, want it to name %s", err, want)
			}
		})
	}
}

func TestDefaultsOfBackoffFitEachOther(t *testing.T) {
	for _, o := range []Options{{BackoffMax: 10 * time.Millisecond}, {BackoffBase: time.Minute}} {
		if err := o.withDefaults().validate(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestAllFaultsAreReportedAtOnce(t *testing.T) {
	_, err := New("127.0.0.1:1", Options{ConnectionsPerAddress: -1, SlowStart: -1})
	if err == nil || !strings.Contains(err.Error(), "ConnectionsPerAddress") || !strings.Contains(err.Error(), "SlowStart") {
		t.Errorf("error %v, want both faults", err)
	}
}

func TestBoundsTakeEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, strings.Repeat("a", 2000))
		tests := map[string]Options{
			"receive": {MaxReceiveBytes: 1024},
			"send":    {MaxSendBytes: 1024},
		}
		for name, o := range tests {
			request := &emptyMessage{Value: strings.Repeat("r", 2000)}
			if err := c.dial(o).Invoke(t.Context(), unaryMethod, request, new(emptyMessage)); status.Code(err) != codes.ResourceExhausted {
				t.Errorf("%s: %v, want RESOURCE_EXHAUSTED", name, err)
			}
		}
		fixed := c.dial(Options{StreamWindowBytes: 1 << 20, ConnectionWindowBytes: 1 << 20})
		if _, err := call(t.Context(), fixed); err != nil {
			t.Errorf("with fixed windows: %v", err)
		}
	})
}

func TestTargets(t *testing.T) {
	tests := []struct {
		target string
		fault  string // "": none
	}{
		{"127.0.0.1:1", ""},
		{"localhost:1", ""},
		{"dns:///localhost:1", ""},
		{"unix:///tmp/none.sock", ""},
		{"passthrough:///anything", ""},
		{"xds:///names", "gateway/upstream/xds"},
		{"", "the target is empty"},
	}
	for _, test := range tests {
		conn, err := New(test.target, Options{})
		if test.fault != "" {
			if err == nil || !strings.Contains(err.Error(), test.fault) {
				t.Errorf("%s: %v, want an error of %q", test.target, err, test.fault)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.target, err)
			continue
		}
		if conn.View().Target != test.target {
			t.Errorf("View has target %s, want %s", conn.View().Target, test.target)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if conn.Close() == nil {
			t.Errorf("%s: the second Close returned no error", test.target)
		}
	}
}

func TestDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a")
		conn, err := Dial("passthrough:///a", grpc.WithContextDialer(c.dialer))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close() // it has no calls left
		if name, err := call(t.Context(), conn); name != "a" || err != nil {
			t.Errorf("call = %q, %v", name, err)
		}
		if _, err := Dial(""); err == nil {
			t.Error("Dial without a target: no error")
		}
	})
}

func TestStateNames(t *testing.T) {
	for state, want := range map[State]string{Closed: "closed", HalfOpen: "half_open", Open: "open", 7: "unknown"} {
		if got := state.String(); got != want {
			t.Errorf("State %d is %q, want %q", state, got, want)
		}
	}
}

func TestShutdownLetsCallsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a")
		conn := c.dial(Options{})
		c.backend("a").behave(func(ctx context.Context) error {
			time.Sleep(time.Second) // virtual
			return nil
		})
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if _, err := call(t.Context(), conn); err != nil {
					t.Errorf("a call in flight: %v", err)
				}
			})
		}
		synctest.Wait()
		start := time.Now()
		if err := conn.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		if got := time.Since(start); got != time.Second {
			t.Errorf("Shutdown took %v, want 1s", got)
		}
		wg.Wait()
		if _, err := call(t.Context(), conn); status.Code(err) != codes.Canceled {
			t.Errorf("a call after it: %v, want CANCELED", err)
		}
	})
}

func TestShutdownCutsOffInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a")
		conn := c.dial(Options{})
		c.backend("a").behave(func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		stream := hold(t, t.Context(), conn)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := conn.Shutdown(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 calls in flight") {
			t.Errorf("Shutdown = %v, want the deadline and one call", err)
		}
		for err = nil; err == nil; err = stream.RecvMsg(new(emptyMessage)) {
		}
		if errors.Is(err, io.EOF) || status.Code(err) != codes.Canceled {
			t.Errorf("the stream ended with %v, want CANCELED", err)
		}
	})
}

func TestSlowStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a", "b", "c")
		conn := c.dial(Options{SlowStart: 10 * time.Second})
		c.resolver.UpdateState(found("a", "b"))
		ready(t, conn)
		time.Sleep(10 * time.Second) // virtual: a and b have warmed up
		c.resolver.UpdateState(found("a", "b", "c"))
		synctest.Wait()
		for _, step := range []struct {
			after time.Duration
			share float64
		}{{0, 0.1}, {5 * time.Second, 0.55}, {4 * time.Second, 0.91}, {time.Second, 1}} {
			time.Sleep(step.after)
			if got := conn.View().Addresses[2].Share; got-step.share > 1e-9 || step.share-got > 1e-9 {
				t.Errorf("share %v, want %v", got, step.share)
			}
			even(conn)
			got := spread(t, conn, 1000)
			want := 1000 * step.share / (2 + step.share)
			if n := float64(got["c"]); n < want*0.9 || n > want*1.1 {
				t.Errorf("c got %v of 1000 calls with a share of %v, want about %v", n, step.share, want)
			}
			if d := got["a"] - got["b"]; d < -70 || d > 70 {
				t.Errorf("the others are uneven: %v", got)
			}
		}
	})
}

func TestSlowStartOfAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := newCluster(t, "a", "b").dial(Options{SlowStart: time.Minute})
		ready(t, conn)
		got := spread(t, conn, 2000)
		if got["a"] < 800 || got["b"] < 800 || got["a"]+got["b"] != 2000 {
			t.Errorf("responses while all start slowly: %v, want no failure and even shares", got)
		}
	})
}

// A reconnection after a lost connection is not a cold start; an address that was
// out of reach is one.
func TestSlowStartAfterOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a", "b")
		conn := c.dial(Options{SlowStart: 10 * time.Second})
		ready(t, conn)
		time.Sleep(20 * time.Second) // virtual
		share := func() float64 { return conn.View().Addresses[1].Share }
		if share() != 1 {
			t.Fatalf("share %v before, want 1", share())
		}
		c.backend("b").server.Stop()
		c.run("b") // at once: no attempt to connect failed
		synctest.Wait()
		if share() != 1 {
			t.Errorf("share %v after a reconnection, want 1", share())
		}
		c.kill("b")
		time.Sleep(10 * time.Second)
		c.run("b")
		time.Sleep(2 * time.Second)
		if got := share(); got >= 0.5 {
			t.Errorf("share %v soon after an outage, want little", got)
		}
	})
}

func TestChangesThatNobodyReadsInTimeAreLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a")
		release, told := make(chan struct{}), 0
		conn := c.dial(Options{OnChange: func(Change) { <-release; told++ }})
		ready(t, conn)
		for i := range 2 * maxChanges {
			c.resolver.UpdateState(found([]string{"a", "x"}[i%2], "a"))
			synctest.Wait()
		}
		if _, err := call(t.Context(), conn); err != nil {
			t.Errorf("call = %v while OnChange hangs", err)
		}
		close(release)
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if told < maxChanges || told > maxChanges+16 {
			t.Errorf("OnChange was told %d changes, want what may wait", told)
		}
	})
}
