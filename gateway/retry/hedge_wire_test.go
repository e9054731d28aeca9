package retry_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/retry"
)

// countedReplies counts what becomes of the replies it has made.
type countedReplies struct {
	retry.Messages

	mu    sync.Mutex
	ended map[any]int // moved or freed
	moved int
}

func (r *countedReplies) New(reply any) (any, error) {
	made, err := r.Messages.New(reply)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended == nil {
		r.ended = map[any]int{}
	}
	r.ended[made] = 0
	return made, err
}

func (r *countedReplies) Move(reply, src any) {
	r.Messages.Move(reply, src)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended[src]++
	r.moved++
}

func (r *countedReplies) Free(reply any) {
	r.Messages.Free(reply)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended[reply]++
}

// check holds that each reply was either moved or freed, and at most one moved.
func (r *countedReplies) check(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, times := range r.ended {
		if times != 1 {
			t.Errorf("a reply ended %d times", times)
		}
	}
	if r.moved > 1 {
		t.Errorf("%d replies moved", r.moved)
	}
}

func sorted(numbers []int) []int { slices.Sort(numbers); return numbers }

// TestHedgeOverTheWire races attempts on a real connection: the first fails, the
// budget of attempts is used, and no goroutine stays behind.
func TestHedgeOverTheWire(t *testing.T) {
	tests := []struct {
		name     string
		failures int32
		pushback string
		code     codes.Code
		attempts int32
		previous []string
	}{
		{"first", 0, "0", codes.OK, 1, nil},
		{"after two failures", 2, "0", codes.OK, 3, []string{"2"}},
		{"never", 9, "0", codes.Unavailable, 4, []string{"3"}},
		{"pushed back", 9, "-1", codes.Unavailable, 1, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			current := goleak.IgnoreCurrent()
			t.Cleanup(func() { goleak.VerifyNone(t, current) }) // after the connection's
			server := &flaky{failures: test.failures, pushback: test.pushback}
			client := dial(t, server, newHedge(t, hedgePolicy(4, time.Hour), retry.HedgeOptions{}))
			var header, trailer metadata.MD
			reply, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{}, grpc.Header(&header), grpc.Trailer(&trailer))
			if status.Code(err) != test.code || server.attempts.Load() != test.attempts {
				t.Errorf("%v after %d attempts", err, server.attempts.Load())
			}
			if err == nil && reply.GetStatus() != healthpb.HealthCheckResponse_SERVING {
				t.Errorf("reply %v", reply)
			}
			if !slices.Equal(header.Get("previous"), test.previous) || !slices.Equal(trailer.Get("previous"), test.previous) {
				t.Errorf("header %v, trailer %v", header, trailer)
			}
		})
	}
}

// BenchmarkHappyPath is a call that its first attempt decides.
func BenchmarkHappyPath(b *testing.B) {
	hedge := newHedge(b, hedgePolicy(2, time.Second), retry.HedgeOptions{})
	again, err := retry.New(basePolicy(), retry.Options{})
	if err != nil {
		b.Fatal(err)
	}
	response := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil }
	for name, step := range map[string]grpc.UnaryClientInterceptor{"hedge": hedge, "retry": again} {
		b.Run(name, func(b *testing.B) {
			reply := &healthpb.HealthCheckResponse{}
			var header, trailer metadata.MD
			b.ReportAllocs()
			for b.Loop() {
				if err := step(b.Context(), method, nil, reply, nil, response, grpc.Header(&header), grpc.Trailer(&trailer)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
