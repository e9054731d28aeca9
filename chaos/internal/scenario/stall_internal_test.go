package scenario

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/chaos/internal/report"
)

func TestJudged(t *testing.T) {
	const calm, stalled = stall - 1, stall
	tests := []struct {
		name   string
		passes []bool // by run
		stood  []time.Duration
		want   bool
		runs   int
	}{
		{"passed", []bool{true}, []time.Duration{calm}, true, 1},
		{"passed all the same", []bool{true}, []time.Duration{stalled}, true, 1},
		{"failed", []bool{false}, []time.Duration{calm}, false, 1},
		{"failed in a stall, then passed", []bool{false, true}, []time.Duration{stalled, calm}, true, 2},
		{"failed in a stall, then for itself", []bool{false, false}, []time.Duration{stalled, calm}, false, 2},
		{"never calm", []bool{false, false, false}, []time.Duration{stalled, stalled, stalled}, false, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			watched, ran := 0, 0
			found := judged(t.Context(), stall, func() func() time.Duration {
				stood := test.stood[watched]
				watched++
				return func() time.Duration { return stood }
			}, func() report.Scenario {
				ok := test.passes[ran]
				ran++
				return report.Scenario{Checks: []report.Check{{OK: ok}}}
			})
			if found.Passed() != test.want || found.Runs != test.runs || ran != test.runs || found.Stood != test.stood[test.runs-1] {
				t.Errorf("%+v after %d runs", found, ran)
			}
		})
	}
}

func TestNothingRunsAgainAfterItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stalls := func() func() time.Duration { return func() time.Duration { return time.Hour } }
	found := judged(ctx, stall, stalls, func() report.Scenario {
		cancel()
		return report.Scenario{}
	})
	if found.Runs != 1 {
		t.Errorf("%d runs", found.Runs)
	}
}

func TestWatchSeesNoStallWhereNoneIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slowest := watch()
		time.Sleep(time.Minute) // virtual: nothing is ever late
		if got := slowest(); got != 0 {
			t.Errorf("%s", got)
		}
	})
}

func TestEachSecond(t *testing.T) {
	seen := ten(samples(20, good), samples(5, refused))
	seen.Samples[0].Took = 1500 * time.Millisecond
	want := []int{1, 3, 2, 2, 2, 2, 2, 2, 2, 2, 0}
	if got := eachSecond(seen); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
