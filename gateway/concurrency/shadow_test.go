package concurrency_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/metadata"
	"pgregory.net/rapid"

	"github.com/venta-hq/venta/gateway/concurrency"
	"github.com/venta-hq/venta/gateway/policy"
)

// TestShadow fills a limiter of two places and a queue of two: everything is
// admitted at once, and what the limiter would have shed takes no place.
func TestShadow(t *testing.T) {
	var told []string
	l := newLimiter(t, policy.Concurrency{MaxInFlight: 2, MaxQueue: 2, Shadow: true}, concurrency.Options{
		MaxWait:  time.Nanosecond,
		OnShed:   func(context.Context, string, policy.Criticality) { t.Error("shed") },
		OnShadow: func(_ context.Context, would string) { told = append(told, would) },
	})
	var permits []concurrency.Permit
	enter := func(c policy.Criticality) {
		t.Helper()
		permit, err := l.Acquire(t.Context(), c)
		if err != nil {
			t.Error(err)
		}
		permits = append(permits, permit)
	}
	check := func(want concurrency.Load, words ...string) {
		t.Helper()
		if got := l.Load(); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		if diff := cmp.Diff(words, told); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	}
	for range 5 {
		enter(byDefault)
	}
	enter(critical)
	check(concurrency.Load{Limit: 2, InFlight: 2, Queued: 2}, "queue", "queue", "shed", "shed")
	permits[4].Done(concurrency.Success) // of one that would have been shed
	permits[0].Done(concurrency.Success)
	check(concurrency.Load{Limit: 2, InFlight: 2, Queued: 1}, "queue", "queue", "shed", "shed")
	enter(sheddable)
	check(concurrency.Load{Limit: 2, InFlight: 2, Queued: 2}, "queue", "queue", "shed", "shed", "queue")
	for i := range permits {
		permits[i].Done(concurrency.Success)
	}
	check(concurrency.Load{Limit: 2}, "queue", "queue", "shed", "shed", "queue")
	enter(byDefault)
	check(concurrency.Load{Limit: 2, InFlight: 1}, "queue", "queue", "shed", "shed", "queue")
}

// wouldBe is what happens to the next call of a limiter that holds some.
func wouldBe(p policy.Concurrency, held int) string {
	switch {
	case held >= p.MaxInFlight+p.MaxQueue:
		return concurrency.WouldShed
	case held >= p.MaxInFlight:
		return concurrency.WouldQueue
	default:
		return ""
	}
}

// TestShadowModel compares a limiter in shadow mode with a number: those that it
// would have let in and that still run.
func TestShadowModel(t *testing.T) {
	visits := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		p := policy.Concurrency{
			MaxInFlight: rapid.IntRange(1, 4).Draw(rt, "places"),
			MaxQueue:    rapid.IntRange(0, 4).Draw(rt, "queue"),
			Shadow:      true,
		}
		told := ""
		l := newLimiter(t, p, concurrency.Options{OnShadow: func(_ context.Context, would string) { told = would }})
		var let, turned []concurrency.Permit
		for range rapid.IntRange(1, 60).Draw(rt, "events") {
			from := rapid.SampledFrom([]*[]concurrency.Permit{nil, nil, &let, &turned}).Draw(rt, "ends")
			if from != nil && len(*from) > 0 {
				k := rapid.IntRange(0, len(*from)-1).Draw(rt, "which")
				(*from)[k].Done(concurrency.Success)
				*from = slices.Delete(*from, k, k+1)
			} else {
				want := wouldBe(p, len(let))
				told = ""
				permit, err := l.Acquire(t.Context(), byDefault)
				if err != nil || told != want {
					rt.Fatalf("%v, told %q, want %q", err, told, want)
				}
				visits[want]++
				if want == concurrency.WouldShed {
					turned = append(turned, permit)
				} else {
					let = append(let, permit)
				}
			}
			placed := min(len(let), p.MaxInFlight)
			if want := (concurrency.Load{Limit: p.MaxInFlight, InFlight: placed, Queued: len(let) - placed}); l.Load() != want {
				rt.Fatalf("%+v, want %+v", l.Load(), want)
			}
		}
	})
	for _, would := range []string{"", concurrency.WouldQueue, concurrency.WouldShed} {
		if visits[would] == 0 {
			t.Errorf("no call was told %q", would)
		}
	}
}

// TestShadowTravelsNot holds that the upstream sees nothing of the policy.
func TestShadowTravelsNot(t *testing.T) {
	l := newLimiter(t, policy.Concurrency{MaxInFlight: 1, Shadow: true}, concurrency.Options{})
	caller := metadata.NewOutgoingContext(t.Context(), metadata.Pairs("x-other", "stays"))
	err := invoke(caller, l.UnaryClientInterceptor(critical), func(ctx context.Context) error {
		if ctx != caller {
			t.Error("the context is not the caller's")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSanitized holds that the criticality joins what the caller sends.
func TestSanitized(t *testing.T) {
	l := newLimiter(t, policy.Concurrency{MaxInFlight: 1}, concurrency.Options{Sanitized: true})
	for _, sent := range []metadata.MD{nil, metadata.Pairs("x-other", "stays")} {
		ctx := t.Context()
		if sent != nil {
			ctx = metadata.NewOutgoingContext(ctx, sent)
		}
		err := invoke(ctx, l.UnaryClientInterceptor(critical), func(ctx context.Context) error {
			md, _ := metadata.FromOutgoingContext(ctx)
			want := metadata.Join(sent, metadata.Pairs(concurrency.MetadataKey, "critical"))
			if diff := cmp.Diff(want, md); diff != "" {
				t.Errorf("metadata (-want +got):\n%s", diff)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
