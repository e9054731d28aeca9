package retry_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"pgregory.net/rapid"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/retry"
)

func newBudget(t *testing.T, percent, minPerSecond int) *retry.Budget {
	t.Helper()
	b, err := retry.NewBudget(policy.RetryBudget{Percent: percent, MinPerSecond: minPerSecond})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func take(b *retry.Budget, tries int) (admitted int) {
	for range tries {
		if b.Take() {
			admitted++
		}
	}
	return admitted
}

func TestBudget(t *testing.T) {
	type step struct {
		after time.Duration
		calls int
		tries int
		want  int // admitted of tries
	}
	tests := []struct {
		name         string
		percent, min int
		steps        []step
	}{
		{"a share of the calls", 20, 0, []step{{0, 100, 30, 20}}},
		{"a share is never rounded up", 20, 0, []step{{0, 4, 9, 0}, {0, 1, 9, 1}}},
		{"all of them", 100, 0, []step{{0, 7, 9, 7}}},
		{"the minimum without calls", 20, 3, []step{{0, 0, 9, 3}}},
		{"the minimum and the share", 20, 3, []step{{0, 100, 99, 23}}},
		{"the minimum again each second, not saved up", 20, 3, []step{
			{0, 0, 9, 3}, {999 * ms, 0, 9, 0}, {ms, 0, 9, 3}, {5 * time.Second, 0, 9, 3}}},
		{"the share lasts ten seconds", 20, 0, []step{
			{0, 100, 0, 0}, {9 * time.Second, 0, 5, 5}, {999 * ms, 0, 5, 5}, {ms, 0, 5, 0}}},
		{"what was taken is forgotten with its second", 50, 0, []step{
			{0, 10, 9, 5}, {5 * time.Second, 10, 9, 5}, {5 * time.Second, 10, 9, 5}, {5 * time.Second, 0, 9, 0}}},
		{"a long silence forgets everything", 20, 0, []step{{0, 100, 5, 5}, {time.Hour, 0, 5, 0}, {0, 10, 5, 2}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBudget(t, test.percent, test.min)
				for i, s := range test.steps {
					time.Sleep(s.after) // virtual
					for range s.calls {
						b.Call()
					}
					if got := take(b, s.tries); got != s.want {
						t.Errorf("step %d: admitted %d of %d, want %d", i, got, s.tries, s.want)
					}
				}
			})
		})
	}
}

// TestBudgetModel compares the ring with a list of everything that happened.
func TestBudgetModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		percent, least := rapid.IntRange(1, 100).Draw(rt, "percent"), rapid.IntRange(0, 3).Draw(rt, "min")
		// negative: sleep that many hundred milliseconds; 0: try; positive: calls
		events := rapid.SliceOfN(rapid.IntRange(-40, 10), 1, 200).Draw(rt, "events")
		var wrong int
		synctest.Test(t, func(t *testing.T) {
			wrong = firstDifference(newBudget(t, percent, least), percent, least, events)
		})
		if wrong >= 0 {
			rt.Fatalf("the budget and the model differ at event %d", wrong)
		}
	})
}

func firstDifference(b *retry.Budget, percent, least int, events []int) int {
	began := time.Now()
	var calls, shares, reserved []int // the second of each
	for i, event := range events {
		now := int(time.Since(began) / time.Second)
		switch {
		case event < 0:
			time.Sleep(time.Duration(-event) * 100 * ms) // virtual
		case event > 0:
			for range event {
				b.Call()
				calls = append(calls, now)
			}
		default:
			reserve := since(reserved, now) < least
			share := (since(shares, now-9)+1)*100 <= percent*since(calls, now-9)
			if b.Take() != (reserve || share) {
				return i
			}
			if reserve {
				reserved = append(reserved, now)
			} else if share {
				shares = append(shares, now)
			}
		}
	}
	return -1
}

func since(seconds []int, first int) (n int) {
	for _, s := range seconds {
		if s >= first {
			n++
		}
	}
	return n
}

func TestBudgetIsExactUnderContention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(t, 10, 5)
		var wg sync.WaitGroup
		var mu sync.Mutex
		admitted := 0
		for range 10 {
			wg.Go(func() {
				for range 100 {
					b.Call()
				}
			})
		}
		wg.Wait()
		for range 10 {
			wg.Go(func() {
				n := take(b, 100)
				mu.Lock()
				defer mu.Unlock()
				admitted += n
			})
		}
		wg.Wait()
		if admitted != 105 {
			t.Errorf("admitted %d, want 105", admitted)
		}
	})
}

// An outage of 1,000 calls becomes 1,000 calls and a tenth, not four thousand.
func TestOutageIsNotMultiplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := basePolicy()
		p.Budget = policy.RetryBudget{Percent: 10}
		attempts := &record{}
		intercept := newRetry(t, p, retry.Options{Random: func() float64 { return 0 }, OnAttempt: attempts.add})
		upstream := &script{responses: []response{fails()}, began: time.Now()}
		for range 1000 {
			if err := intercept(t.Context(), method, nil, nil, nil, upstream.invoke); status.Code(err) != codes.Unavailable {
				t.Fatal(err)
			}
		}
		if got := len(upstream.starts); got != 1100 {
			t.Errorf("%d attempts, want 1100", got)
		}
		verdicts := map[retry.Verdict]int{}
		for _, v := range attempts.verdicts() {
			verdicts[v]++
		}
		if verdicts[retry.Retried] != 100 || verdicts[retry.OverBudget] != 1000 {
			t.Errorf("verdicts %v, want 100 retried and every call ended over budget", verdicts)
		}
	})
}

func TestSharedBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := newBudget(t, 100, 0)
		upstream := &script{responses: []response{fails("0")}, began: time.Now()}
		for range 2 { // by somebody else
			shared.Call()
		}
		intercept := newRetry(t, basePolicy(), retry.Options{Budget: shared})
		_ = intercept(t.Context(), method, nil, nil, nil, upstream.invoke)
		if got := len(upstream.starts); got != 4 {
			t.Errorf("%d attempts, want 4: three calls pay three retries", got)
		}
		if shared.Take() {
			t.Error("the budget was not shared")
		}
	})
}

// What another rule refuses must not spend the budget.
func TestPushbackSpendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := newBudget(t, 100, 0)
		upstream := &script{responses: []response{fails("-1")}, began: time.Now()}
		_ = newRetry(t, basePolicy(), retry.Options{Budget: shared})(t.Context(), method, nil, nil, nil, upstream.invoke)
		if !shared.Take() {
			t.Error("a pushback spent the budget")
		}
	})
}

func TestRefusedBudgets(t *testing.T) {
	for _, p := range []policy.RetryBudget{{}, {Percent: 101}, {Percent: -1}, {Percent: 20, MinPerSecond: -1}} {
		if _, err := retry.NewBudget(p); err == nil {
			t.Errorf("accepted %+v", p)
		}
	}
}

// TestBudgetOfRefusedCalls holds that calls in which the upstream had no part buy
// no further attempts, by retry and by hedge, enforced and in shadow mode.
func TestBudgetOfRefusedCalls(t *testing.T) {
	for _, shadow := range []bool{false, true} {
		for kind, step := range map[string]func(b *retry.Budget) grpc.UnaryClientInterceptor{
			"retry": func(b *retry.Budget) grpc.UnaryClientInterceptor {
				p := basePolicy()
				p.Shadow = shadow
				return newRetry(t, p, retry.Options{Budget: b})
			},
			"hedge": func(b *retry.Budget) grpc.UnaryClientInterceptor {
				h, err := retry.NewHedge(policy.Hedge{
					Delay: time.Minute, MaxAttempts: 2, NonFatalStatusCodes: []codes.Code{codes.Unavailable}, Shadow: shadow,
					Budget: policy.RetryBudget{Percent: 20},
				}, retry.HedgeOptions{Budget: b, Replies: noReplies{}})
				if err != nil {
					t.Fatal(err)
				}
				return h
			},
		} {
			t.Run(kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := newBudget(t, 50, 0)
					intercept := step(b)
					for _, err := range []error{nil, apierror.Spare(status.Error(codes.Internal, "")), status.Error(codes.NotFound, ""),
						&apierror.Error{Code: codes.InvalidArgument, Reason: apierror.RequestTooLarge}} {
						_ = intercept(t.Context(), method, nil, nil, nil,
							func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return err })
					}
					if got := take(b, 9); got != 1 { // half of the two that were the upstream's
						t.Errorf("%d further attempts, want 1", got)
					}
				})
			})
		}
	}
}

// noReplies makes none.
type noReplies struct{}

func (noReplies) New(any) (any, error) { return nil, nil }
func (noReplies) Move(any, any)        {}
func (noReplies) Free(any)             {}
