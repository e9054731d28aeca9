package upstream

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// ready waits until all addresses are connected.
func ready(t *testing.T, conn *Conn) {
	t.Helper()
	conn.Connect()
	synctest.Wait()
	for _, a := range conn.View().Addresses {
		if a.State != connectivity.Ready {
			t.Fatalf("address %s is %v", a.Address, a.State)
		}
	}
}

func TestCallsGoRound(t *testing.T) {
	for _, connections := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			conn := newCluster(t, "a", "b", "c").dial(Options{ConnectionsPerAddress: connections})
			ready(t, conn)
			if diff := cmp.Diff(map[string]int{"a": 10, "b": 10, "c": 10}, spread(t, conn, 30)); diff != "" {
				t.Errorf("%d connections an address: responses (-want +got):\n%s", connections, diff)
			}
			for _, a := range conn.View().Addresses {
				if got := a.Connections[connectivity.Ready]; got != connections {
					t.Errorf("address %s has %d connections, want %d", a.Address, got, connections)
				}
			}
		})
	}
}

func TestCallsTakeTheFreestConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := newCluster(t, "a").dial(Options{ConnectionsPerAddress: 3})
		ready(t, conn)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 6 {
			hold(t, ctx, conn)
		}
		var inFlight []int64
		for _, c := range conn.hub.endpoints["a"].conns {
			inFlight = append(inFlight, c.active.Load())
		}
		if diff := cmp.Diff([]int64{2, 2, 2}, inFlight); diff != "" {
			t.Errorf("calls in flight (-want +got):\n%s", diff)
		}
		if got := conn.View().InFlight; got != 6 {
			t.Errorf("View: %d calls in flight, want 6", got)
		}
		cancel()
		synctest.Wait()
		if got := conn.View().InFlight; got != 0 {
			t.Errorf("View: %d calls in flight after their end, want 0", got)
		}
	})
}

// hold opens a stream that lasts until ctx ends.
func hold(t *testing.T, ctx context.Context, conn *Conn, steps ...grpc.StreamClientInterceptor) grpc.ClientStream {
	t.Helper()
	open := func(ctx context.Context, desc *grpc.StreamDesc, _ *grpc.ClientConn, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		return conn.NewStream(ctx, desc, method, opts...)
	}
	for _, step := range steps {
		next := open
		open = func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			return step(ctx, desc, cc, method, next, opts...)
		}
	}
	stream, err := open(ctx, &grpc.StreamDesc{ServerStreams: true}, nil, streamMethod)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func TestDeadAddressIsDroppedAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a", "b", "c")
		var mu sync.Mutex
		var seen []Change
		conn := c.dial(Options{OnChange: func(change Change) {
			mu.Lock()
			defer mu.Unlock()
			if change.Address == "b" && change.To != connectivity.Connecting && change.To != connectivity.Idle {
				seen = append(seen, change)
			}
		}})
		ready(t, conn)
		c.kill("b")
		synctest.Wait()
		if diff := cmp.Diff(map[string]int{"a": 15, "c": 15}, spread(t, conn, 30)); diff != "" {
			t.Errorf("responses with b dead (-want +got):\n%s", diff)
		}
		c.run("b")
		time.Sleep(3 * time.Second) // virtual: longer than any back-off
		synctest.Wait()
		if diff := cmp.Diff(map[string]int{"a": 10, "b": 10, "c": 10}, spread(t, conn, 30)); diff != "" {
			t.Errorf("responses with b back (-want +got):\n%s", diff)
		}
		mu.Lock()
		defer mu.Unlock()
		var states []connectivity.State
		for _, change := range seen {
			states = append(states, change.To)
			if (change.Err != nil) != (change.To == connectivity.TransientFailure) {
				t.Errorf("change %+v: an error belongs to TRANSIENT_FAILURE alone", change)
			}
		}
		want := []connectivity.State{connectivity.Ready, connectivity.TransientFailure, connectivity.Ready}
		if diff := cmp.Diff(want, states); diff != "" {
			t.Errorf("changes of b (-want +got):\n%s", diff)
		}
	})
}

func TestAllDeadFailsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a")
		conn := c.dial(Options{})
		ready(t, conn)
		c.kill("a")
		synctest.Wait()
		start := time.Now()
		_, err := call(t.Context(), conn)
		if status.Code(err) != codes.Unavailable || time.Since(start) != 0 {
			t.Errorf("call = %v after %v, want UNAVAILABLE at once", err, time.Since(start))
		}
	})
}

func TestVanishedAddressesStayInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a", "b")
		var told error
		c.resolver.UpdateStateCallback = func(err error) { told = err }
		conn := c.dial(Options{})
		ready(t, conn)
		c.resolver.UpdateState(found())
		c.resolver.CC().ReportError(errors.New("no such host"))
		synctest.Wait()
		if told == nil {
			t.Error("the resolver must be told to try again")
		}
		if diff := cmp.Diff(map[string]int{"a": 5, "b": 5}, spread(t, conn, 10)); diff != "" {
			t.Errorf("responses (-want +got):\n%s", diff)
		}
	})
}

func TestNoAddressesFailAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		conn := c.dial(Options{})
		for _, report := range []func(){
			func() { c.resolver.UpdateState(found()) },
			func() { c.resolver.CC().ReportError(errors.New("no such host")) },
		} {
			conn.Connect()
			synctest.Wait()
			report()
			synctest.Wait()
			if _, err := call(t.Context(), conn); status.Code(err) != codes.Unavailable {
				t.Errorf("call = %v, want UNAVAILABLE", err)
			}
		}
	})
}

func TestAddressesComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a", "b", "c")
		conn := c.dial(Options{ConnectionsPerAddress: 2})
		group := newGroup(t, conn, GroupOptions{})
		c.resolver.UpdateState(found("a", "b"))
		ready(t, conn)
		spread(t, conn, 10, group.UnaryClientInterceptor())
		c.resolver.UpdateState(found("b", "c"))
		synctest.Wait()
		if diff := cmp.Diff(map[string]int{"b": 5, "c": 5}, spread(t, conn, 10, group.UnaryClientInterceptor())); diff != "" {
			t.Errorf("responses (-want +got):\n%s", diff)
		}
		members := *group.members.Load()
		if len(members) != 2 || members["a"] != nil {
			t.Errorf("the group remembers %v, want b and c alone", members)
		}
	})
}

func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a") // without the health service: it counts as serving
		checked := health.NewServer()
		c.run("b", func(s *grpc.Server) { healthpb.RegisterHealthServer(s, checked) })
		t.Cleanup(checked.Shutdown)
		c.resolver.InitialState(found("a", "b"))
		conn := c.dial(Options{HealthCheck: HealthCheck{Service: "test.Names"}})
		responses := func(status healthpb.HealthCheckResponse_ServingStatus, want map[string]int) {
			t.Helper()
			checked.SetServingStatus("test.Names", status)
			conn.Connect()
			synctest.Wait()
			if diff := cmp.Diff(want, spread(t, conn, 10)); diff != "" {
				t.Errorf("responses while b is %v (-want +got):\n%s", status, diff)
			}
		}
		responses(healthpb.HealthCheckResponse_SERVICE_UNKNOWN, map[string]int{"a": 10})
		responses(healthpb.HealthCheckResponse_SERVING, map[string]int{"a": 5, "b": 5})
		responses(healthpb.HealthCheckResponse_NOT_SERVING, map[string]int{"a": 10})
		responses(healthpb.HealthCheckResponse_SERVING, map[string]int{"a": 5, "b": 5})
	})
}

func TestHealthDisabled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a")
		checked := health.NewServer()
		checked.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
		c.run("b", func(s *grpc.Server) { healthpb.RegisterHealthServer(s, checked) })
		t.Cleanup(checked.Shutdown)
		c.resolver.InitialState(found("a", "b"))
		conn := c.dial(Options{HealthCheck: HealthCheck{Disabled: true}})
		ready(t, conn)
		if diff := cmp.Diff(map[string]int{"a": 5, "b": 5}, spread(t, conn, 10)); diff != "" {
			t.Errorf("responses (-want +got):\n%s", diff)
		}
	})
}

func TestIdleConnectionsCloseAndComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a")
		idle, eager := c.dial(Options{IdleTimeout: time.Minute}), newCluster(t, "b").dial(Options{NeverIdle: true})
		synctest.Wait()
		if got := eager.GetState(); got != connectivity.Ready {
			t.Errorf("NeverIdle: %v before the first call, want READY", got)
		}
		spread(t, idle, 1)
		time.Sleep(5 * time.Minute) // virtual
		if view := idle.View(); view.State != connectivity.Idle || len(view.Addresses) != 0 {
			t.Errorf("View = %+v, want no connection", view)
		}
		if got := eager.GetState(); got != connectivity.Ready {
			t.Errorf("NeverIdle: %v, want READY", got)
		}
		if got := spread(t, idle, 3); got["a"] != 3 {
			t.Errorf("responses after idleness: %v", got)
		}
	})
}

// hung takes the question whether it serves, and answers when it is told to.
type hung struct {
	healthpb.UnimplementedHealthServer

	answer chan struct{}
}

func (h hung) Watch(_ *healthpb.HealthCheckRequest, s grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
	select {
	case <-h.answer:
	case <-s.Context().Done():
		return nil
	}
	if err := s.Send(&healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}); err != nil {
		return err
	}
	<-s.Context().Done()
	return nil
}

// A server that never says whether it serves has no call wait for it.
func TestHealthThatIsNeverTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, answer := newCluster(t), make(chan struct{})
		c.run("a", func(s *grpc.Server) { healthpb.RegisterHealthServer(s, hung{answer: answer}) })
		c.resolver.InitialState(found("a"))
		conn := c.dial(Options{ConnectTimeout: 2 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		if _, err := call(ctx, conn); status.Code(err) != codes.Unavailable || time.Since(began) != 2*time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		close(answer)
		synctest.Wait()
		if name, err := call(ctx, conn); name != "a" || err != nil {
			t.Errorf("once it says so: %q %v", name, err)
		}
	})
}

// Nor where the resolver names the balancer, and has it ask.
func TestHealthThatIsNeverToldToALayer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, answer := newCluster(t), make(chan struct{})
		c.run("a", func(s *grpc.Server) { healthpb.RegisterHealthServer(s, hung{answer: answer}) })
		asks := strings.Replace(roundRobinConfig, "{", `{"healthCheckConfig":{"serviceName":""},`, 1)
		conn, _ := c.dialLayered(Options{ConnectTimeout: 2 * time.Second}, asks, "a")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		if _, err := call(ctx, conn); status.Code(err) != codes.Unavailable || time.Since(began) != 2*time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		close(answer)
		synctest.Wait()
		if name, err := call(ctx, conn); name != "a" || err != nil {
			t.Errorf("once it says so: %q %v", name, err)
		}
	})
}

// refusing does not tell who asks.
type refusing struct {
	healthpb.UnimplementedHealthServer
}

func (refusing) Watch(*healthpb.HealthCheckRequest, grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
	return status.Error(codes.PermissionDenied, "not you")
}

// A question that is asked again has no call wait for its answer.
func TestHealthThatIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.run("a", func(s *grpc.Server) { healthpb.RegisterHealthServer(s, refusing{}) })
		c.resolver.InitialState(found("a"))
		conn := c.dial(Options{})
		for range 20 {
			began := time.Now()
			if _, err := call(t.Context(), conn); status.Code(err) != codes.Unavailable || time.Since(began) != 0 {
				t.Errorf("after %s: %v", time.Since(began), err)
			}
			time.Sleep(700 * time.Millisecond)
		}
	})
}
