package concurrency_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/concurrency"
	"github.com/venta-hq/venta/gateway/policy"
)

const method = "/venta.vendor.v2.VendorService/GetVendor"

// invoke calls through an interceptor.
func invoke(ctx context.Context, step grpc.UnaryClientInterceptor, upstream func(context.Context) error) error {
	return step(ctx, method, nil, nil, nil, func(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
		return upstream(ctx)
	})
}

func succeed(context.Context) error { return nil }

func TestRefusal(t *testing.T) {
	var told []string
	l := newLimiter(t, policy.Concurrency{MaxInFlight: 1}, concurrency.Options{
		OnShed: func(_ context.Context, method string, c policy.Criticality) { told = append(told, method, string(c)) },
	})
	step := l.UnaryClientInterceptor(critical)
	var refusal error
	err := invoke(t.Context(), step, func(ctx context.Context) error {
		refusal = invoke(ctx, step, succeed) // while the only place is taken
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	own := apierror.As(refusal)
	if own == nil || own.Code != codes.Unavailable || own.Reason != apierror.Overloaded || own.RetryAfter != time.Second {
		t.Errorf("%+v", own)
	}
	if !apierror.Refused(refusal) {
		t.Error("a retry or a breaker would take the refusal for the upstream's")
	}
	if diff := cmp.Diff([]string{method, "critical"}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if err := invoke(t.Context(), step, succeed); err != nil {
		t.Errorf("the place is free again: %v", err)
	}
}

func TestPlaceComesBack(t *testing.T) {
	for name, upstream := range map[string]func(context.Context) error{
		"error":  func(context.Context) error { return errors.New("boom") },
		"panic":  func(context.Context) error { panic("boom") },
		"goexit": func(context.Context) error { runtime.Goexit(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			for _, adaptive := range []bool{false, true} {
				l := newLimiter(t, policy.Concurrency{MaxInFlight: 1, Adaptive: adaptive}, concurrency.Options{})
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					defer func() { _ = recover() }()
					_ = invoke(t.Context(), l.UnaryClientInterceptor(byDefault), upstream)
				}()
				<-ended
				if got := l.Load(); got.InFlight != 0 {
					t.Errorf("adaptive %v: %+v", adaptive, got)
				}
			}
		})
	}
}

func TestDoneTwice(t *testing.T) {
	l := newLimiter(t, policy.Concurrency{MaxInFlight: 2}, concurrency.Options{})
	first, err := l.Acquire(t.Context(), byDefault)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Acquire(t.Context(), byDefault); err != nil {
		t.Fatal(err)
	}
	first.Done(concurrency.Success)
	first.Done(concurrency.Success)
	if got := l.Load().InFlight; got != 1 {
		t.Errorf("%d in flight, want 1", got)
	}
}

func TestCriticalityTravels(t *testing.T) {
	forged := metadata.Pairs(concurrency.MetadataKey, "critical", "x-other", "stays")
	tests := []struct {
		criticality policy.Criticality
		sent        metadata.MD
		want        []string
	}{
		{critical, nil, []string{"critical"}},
		{sheddable, forged, []string{"sheddable"}},
		{byDefault, nil, nil},
	}
	for _, test := range tests {
		t.Run(string(test.criticality), func(t *testing.T) {
			l := newLimiter(t, policy.Concurrency{MaxInFlight: 1}, concurrency.Options{})
			ctx := t.Context()
			if test.sent != nil {
				ctx = metadata.NewOutgoingContext(ctx, test.sent)
			}
			err := invoke(ctx, l.UnaryClientInterceptor(test.criticality), func(ctx context.Context) error {
				md, _ := metadata.FromOutgoingContext(ctx)
				if diff := cmp.Diff(test.want, md.Get(concurrency.MetadataKey)); diff != "" {
					t.Errorf("criticality (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(test.sent.Get("x-other"), md.Get("x-other")); diff != "" {
					t.Errorf("other metadata (-want +got):\n%s", diff)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
	if got := forged.Get(concurrency.MetadataKey); len(got) != 1 || got[0] != "critical" {
		t.Errorf("the caller's own metadata was changed: %v", got)
	}
}

// TestCallerWhoLeaves holds that a wait ends with its context, whose error is
// the caller's and no refusal.
func TestCallerWhoLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t, policy.Concurrency{MaxInFlight: 1, MaxQueue: 1}, concurrency.Options{
			OnShed: func(context.Context, string, policy.Criticality) { t.Error("told of a call that was not shed") },
		})
		step := l.UnaryClientInterceptor(byDefault)
		hold, err := l.Acquire(t.Context(), byDefault)
		if err != nil {
			t.Fatal(err)
		}
		defer hold.Done(concurrency.Success)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		began := time.Now()
		err = invoke(ctx, step, succeed)
		if status.Code(err) != codes.DeadlineExceeded || time.Since(began) != 10*time.Millisecond {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		if got := l.Load(); got.Queued != 0 {
			t.Errorf("%+v", got)
		}
	})
}

// TestAdmittedAndGone holds that a place given to a call whose context ends at
// that moment comes back, whichever it sees first.
func TestAdmittedAndGone(t *testing.T) {
	l := newLimiter(t, policy.Concurrency{MaxInFlight: 1, MaxQueue: 1}, concurrency.Options{})
	for range 2000 {
		hold, err := l.Acquire(t.Context(), byDefault)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			permit, _ := l.Acquire(ctx, byDefault)
			permit.Done(concurrency.Success)
		}()
		for l.Load().Queued == 0 {
			runtime.Gosched()
		}
		hold.Done(concurrency.Success)
		cancel()
		<-ended
		if got := l.Load(); got.InFlight != 0 || got.Queued != 0 {
			t.Fatalf("%+v", got)
		}
	}
}

// TestWaitIsBounded holds that a queue does not delay a call for ever.
func TestWaitIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t, policy.Concurrency{MaxInFlight: 1, MaxQueue: 1}, concurrency.Options{})
		hold, err := l.Acquire(t.Context(), byDefault)
		if err != nil {
			t.Fatal(err)
		}
		defer hold.Done(concurrency.Success)
		began := time.Now()
		_, err = l.Acquire(t.Context(), critical)
		if !apierror.Refused(err) || time.Since(began) != time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

func TestNewRefuses(t *testing.T) {
	for _, test := range []struct {
		policy  policy.Concurrency
		options concurrency.Options
	}{
		{policy.Concurrency{}, concurrency.Options{}},
		{policy.Concurrency{MaxInFlight: 1, MaxQueue: -1}, concurrency.Options{}},
		{policy.Concurrency{MaxInFlight: 1}, concurrency.Options{MaxWait: -1}},
	} {
		if _, err := concurrency.New(test.policy, test.options); err == nil {
			t.Errorf("%+v %+v is accepted", test.policy, test.options)
		}
	}
}

func BenchmarkInterceptor(b *testing.B) {
	for _, p := range []policy.Concurrency{
		{MaxInFlight: 1000},
		{MaxInFlight: 1000, Adaptive: true},
		{MaxInFlight: 1000, Adaptive: true, Criticality: critical},
	} {
		b.Run(fmt.Sprintf("adaptive %v criticality %q", p.Adaptive, p.Criticality), func(b *testing.B) {
			step := newLimiter(b, p, concurrency.Options{}).UnaryClientInterceptor(p.Criticality)
			ctx := metadata.NewOutgoingContext(b.Context(), metadata.Pairs("x-forwarded-host", "a", "x-forwarded-for", "b"))
			call := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil }
			b.ReportAllocs()
			for b.Loop() {
				if err := step(ctx, method, nil, nil, nil, call); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
