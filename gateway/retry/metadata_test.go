package retry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/retry"
)

func TestPreviousAttempts(t *testing.T) {
	tests := []struct {
		name string
		sent metadata.MD
		want [][]string
	}{
		{"absent on the first", nil, [][]string{nil, {"1"}, {"2"}, {"3"}}},
		{"beside other metadata", metadata.Pairs("x-request-id", "7"), [][]string{nil, {"1"}, {"2"}, {"3"}}},
		{"in place of what the caller sent", metadata.Pairs("grpc-previous-rpc-attempts", "99"), [][]string{{"99"}, {"1"}, {"2"}, {"3"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if test.sent != nil {
					ctx = metadata.NewOutgoingContext(ctx, test.sent)
				}
				before := test.sent.Copy()
				upstream := &script{responses: []response{fails()}, began: time.Now()}
				_ = newRetry(t, basePolicy(), retry.Options{})(ctx, method, nil, nil, nil, upstream.invoke)
				if diff := cmp.Diff(test.want, upstream.previous); diff != "" {
					t.Errorf("previous attempts (-want +got):\n%s", diff)
				}
				if test.sent != nil && !cmp.Equal(before, test.sent) {
					t.Errorf("the caller's metadata became %v", test.sent)
				}
			})
		})
	}
}

// The caller sees the last attempt and nothing of those before, even when the
// last never reached a server and so filled nothing.
func TestCallerSeesTheLastAttempt(t *testing.T) {
	failed := status.Error(codes.Unavailable, "down")
	reached := func(n string) func([]grpc.CallOption) {
		return func(opts []grpc.CallOption) { fill(opts, metadata.Pairs("h", n), metadata.Pairs("t", n)) }
	}
	tests := []struct {
		name     string
		attempts []func([]grpc.CallOption)
		last     error
		header   []string
		trailer  []string
	}{
		{"the second succeeds", []func([]grpc.CallOption){reached("1"), reached("2")}, nil, []string{"2"}, []string{"2"}},
		{"the second fails", []func([]grpc.CallOption){reached("1"), reached("2")}, errors.New("fatal"), []string{"2"}, []string{"2"}},
		{"the second reaches nobody", []func([]grpc.CallOption){reached("1"), func([]grpc.CallOption) {}}, errors.New("fatal"), nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				header, trailer := metadata.Pairs("h", "stale"), metadata.Pairs("t", "stale")
				from := peer.Peer{LocalAddr: stale{}}
				opts := []grpc.CallOption{
					grpc.Header(&header), grpc.WaitForReady(true), grpc.Trailer(&trailer), grpc.Peer(&from),
				}
				n := 0
				_ = newRetry(t, basePolicy(), retry.Options{})(t.Context(), method, nil, nil, nil,
					func(_ context.Context, _ string, _, _ any, _ *grpc.ClientConn, opts ...grpc.CallOption) error {
						test.attempts[n](opts)
						if opts[0] != grpc.WaitForReady(true) {
							t.Errorf("attempt %d lost an option: %v", n, opts)
						}
						if n++; n < len(test.attempts) {
							return failed
						}
						return test.last
					}, opts...)
				if got := header.Get("h"); !cmp.Equal(got, test.header) {
					t.Errorf("header %v, want %v", got, test.header)
				}
				if got := trailer.Get("t"); !cmp.Equal(got, test.trailer) {
					t.Errorf("trailer %v, want %v", got, test.trailer)
				}
				if from.LocalAddr != nil {
					t.Errorf("the peer is stale: %v", from)
				}
			})
		})
	}
}

type stale struct{}

func (stale) Network() string { return "stale" }
func (stale) String() string  { return "stale" }

// An attempt that was given up may still write to its options; the race
// detector proves that it is not the caller's memory.
func TestStragglerWritesToNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var header, trailer metadata.MD
		second := make(chan struct{})
		done := make(chan struct{})
		n := 0
		err := newRetry(t, basePolicy(), retry.Options{})(t.Context(), method, nil, nil, nil,
			func(_ context.Context, _ string, _, _ any, _ *grpc.ClientConn, opts ...grpc.CallOption) error {
				if n++; n == 1 {
					go func() {
						defer close(done)
						<-second
						fill(opts, metadata.Pairs("h", "1"), metadata.Pairs("t", "1"))
					}()
					return status.Error(codes.Unavailable, "given up")
				}
				fill(opts, metadata.Pairs("h", "2"), metadata.Pairs("t", "2"))
				close(second)
				return nil
			}, grpc.Header(&header), grpc.Trailer(&trailer))
		if err != nil || header.Get("h")[0] != "2" || trailer.Get("t")[0] != "2" {
			t.Errorf("err %v, header %v, trailer %v", err, header, trailer)
		}
		<-done
	})
}

// Calls share their option slice's spare capacity when a client keeps one.
func TestConcurrentCallsShareOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := append(make([]grpc.CallOption, 0, 8), grpc.WaitForReady(true))
		intercept := newRetry(t, basePolicy(), retry.Options{})
		for range 8 {
			go func() {
				upstream := &script{responses: []response{fails("1"), {}}, began: time.Now()}
				if err := intercept(t.Context(), method, nil, nil, nil, upstream.invoke, shared...); err != nil {
					t.Error(err)
				}
			}()
		}
		synctest.Wait()
		time.Sleep(time.Second) // virtual
	})
}
