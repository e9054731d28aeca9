package upstream

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"
)

// The cost that the hot path may have is part of what the package promises.
func TestPickAllocatesNothingWithoutGroup(t *testing.T) {
	_, p := benchmarkPicker(4)
	info := balancer.PickInfo{Ctx: t.Context()}
	got := testing.AllocsPerRun(100, func() {
		result, err := p.Pick(info)
		if err != nil {
			t.Fatal(err)
		}
		result.Done(balancer.DoneInfo{})
	})
	if got != 0 {
		t.Errorf("a pick allocates %v times", got)
	}
}

func TestGroupAllocatesTwice(t *testing.T) {
	conn, p := benchmarkPicker(1)
	group := newGroup(t, conn, GroupOptions{})
	got := testing.AllocsPerRun(100, func() {
		a := newAttempt(t.Context(), group)
		result, err := p.Pick(balancer.PickInfo{Ctx: a})
		if err != nil {
			t.Fatal(err)
		}
		result.Done(balancer.DoneInfo{})
		a.finish(t.Context(), nil)
	})
	if got > 2 {
		t.Errorf("a call of a group allocates %v times, want its attempt and its permit", got)
	}
}

func TestEjectedAddressCostsNothing(t *testing.T) {
	conn, p := benchmarkPicker(1)
	p.ready = p.ready[:2] // so that each call meets b
	group := newGroup(t, conn, GroupOptions{})
	m, err := group.member("b")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		permit, err := m.breaker.Acquire()
		if err != nil {
			t.Fatal(err)
		}
		permit.Done(t.Context(), status.Error(codes.Unavailable, ""))
	}
	got := testing.AllocsPerRun(100, func() {
		a := newAttempt(t.Context(), group)
		result, err := p.Pick(balancer.PickInfo{Ctx: a})
		if err != nil {
			t.Fatal(err)
		}
		result.Done(balancer.DoneInfo{})
		a.finish(t.Context(), nil)
	})
	if got > 2 {
		t.Errorf("a call allocates %v times beside an ejected address, want no more than without", got)
	}
}

// What a balancer below wants to hear of a call's end, it hears.
func TestBothAreDone(t *testing.T) {
	_, p := benchmarkPicker(1)
	told := 0
	own := p.ready[0].conns[0]
	own.latest.Store(&connSeen{state: connectivity.Ready, picker: &fixed{balancer.PickResult{Done: func(balancer.DoneInfo) { told++ }}}})
	only := newPicker(p.hub, p.round, map[string]*endpoint{"a": p.ready[0].endpoint})
	result, err := only.Pick(balancer.PickInfo{Ctx: t.Context()})
	if err != nil {
		t.Fatal(err)
	}
	result.Done(balancer.DoneInfo{})
	if told != 1 || own.active.Load() != 0 {
		t.Errorf("told %d times, %d calls in flight; want 1 and 0", told, own.active.Load())
	}
}

// A connection that its own picker refuses costs neither a permit nor a call.
func TestPickThatFails(t *testing.T) {
	conn, p := benchmarkPicker(1)
	cause := errors.New("as told")
	p.ready[0].lines[0].picker = failing{cause}
	p.ready = p.ready[:1]
	var permit countedPermit
	group := newGroup(t, conn, GroupOptions{NewBreaker: func(string, func(ctx context.Context, from, to State)) (Breaker, error) { return giving{&permit}, nil }})
	for _, a := range []*attempt{newAttempt(t.Context(), group), newAttempt(t.Context(), nil)} {
		if _, err := p.Pick(balancer.PickInfo{Ctx: a}); !errors.Is(err, cause) {
			t.Errorf("Pick = %v, want its picker's error", err)
		}
		if a.permit != nil || p.hub.active.Load() != 0 {
			t.Errorf("permit %v, %d calls in flight", a.permit, p.hub.active.Load())
		}
	}
	if permit != (countedPermit{released: 1}) {
		t.Errorf("permit %+v, want it released", permit)
	}
}

// countedPermit counts what became of it.
type countedPermit struct{ done, released int }

func (p *countedPermit) Done(context.Context, error) { p.done++ }

func (p *countedPermit) Release() { p.released++ }

// giving is a breaker that gives one permit to all.
type giving struct{ permit Permit }

func (giving) State() State { return Closed }

func (g giving) Acquire() (Permit, error) { return g.permit, nil }

// grpc-go chooses again when a connection is lost before the call is sent.
func TestPermitOfAChoiceThatCameToNothingIsReleased(t *testing.T) {
	conn, _ := benchmarkPicker(1)
	a := newAttempt(t.Context(), newGroup(t, conn, GroupOptions{}))
	var first, second countedPermit
	a.begin("a", &first)
	a.begin("b", &second)
	if first != (countedPermit{released: 1}) || second != (countedPermit{}) {
		t.Errorf("permits %+v and %+v, want the first released", first, second)
	}
	a.finish(t.Context(), nil)
	a.finish(t.Context(), nil)
	a.abandon()
	if first != (countedPermit{released: 1}) || second != (countedPermit{done: 1}) {
		t.Errorf("permits %+v and %+v, want the second done, once", first, second)
	}
}

// A stream that was never sent says nothing about its address.
func TestStreamThatNeverWentReleases(t *testing.T) {
	conn, _ := benchmarkPicker(1)
	for _, sent := range []bool{false, true} {
		a := newAttempt(t.Context(), newGroup(t, conn, GroupOptions{}))
		var permit countedPermit
		a.begin("a", &permit)
		a.streamDone(func(balancer.DoneInfo) {})(balancer.DoneInfo{BytesSent: sent})
		want := countedPermit{released: 1}
		if sent {
			want = countedPermit{} // its end is judged as the steps inside explain it
		}
		if permit != want {
			t.Errorf("sent %v: permit %+v, want %+v", sent, permit, want)
		}
	}
}
