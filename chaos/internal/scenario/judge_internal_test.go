package scenario

import (
	"slices"
	"testing"
	"time"

	"github.com/venta-hq/venta/chaos/internal/load"
)

// samples makes n requests of a kind with an outcome, spread over ten seconds.
func samples(n int, s load.Sample) []load.Sample {
	var all []load.Sample
	for i := range n {
		s.At = time.Duration(i) * 10 * time.Second / time.Duration(n)
		all = append(all, s)
	}
	return all
}

func ten(all ...[]load.Sample) load.Seen {
	return load.Seen{Samples: slices.Concat(all...), Span: 10 * time.Second}
}

// The outcomes of requests.
var (
	good    = load.Sample{Name: read, Status: 200}
	refused = load.Sample{Name: read, Status: 503, Reason: circuitOpen, Took: time.Millisecond}
	lost    = load.Sample{Name: read, Failure: "connection lost"}
	odd     = load.Sample{Name: read, Status: 502, Reason: "not JSON"}
)

func TestChecks(t *testing.T) {
	skipped := ten(samples(10, good))
	skipped.Skipped = 1
	tests := []struct {
		name  string
		judge func(*trial)
		want  bool
	}{
		{"none failed", func(t *trial) { t.none(ten(samples(10, good)), "") }, true},
		{"one failed", func(t *trial) { t.none(ten(samples(10, good), samples(1, refused)), "") }, false},
		{"no requests", func(t *trial) { t.none(ten(), "") }, false},
		{"some were not sent", func(t *trial) { t.none(skipped, "") }, false},
		{"responded", func(t *trial) { t.responded(ten(samples(10, refused))) }, true},
		{"no response", func(t *trial) { t.responded(ten(samples(10, good), samples(1, lost))) }, false},
		{"no requests, no responses", func(t *trial) { t.responded(ten()) }, false},
		{"explained", func(t *trial) { t.explained(ten(samples(10, refused))) }, true},
		{"unexplained", func(t *trial) { t.explained(ten(samples(10, refused), samples(1, odd))) }, false},
		{"opened", func(t *trial) { t.opened(ten(samples(10, good), samples(1, refused))) }, true},
		{"never opened", func(t *trial) { t.opened(ten(samples(10, odd))) }, false},
		{"within the budget", func(t *trial) { t.withinBudget(1211, ten(samples(1000, good))) }, true},
		{"over the budget", func(t *trial) { t.withinBudget(1212, ten(samples(1000, good))) }, false},
		{"few attempts", func(t *trial) { t.fewAttempts("", 1200, ten(samples(1000, good))) }, true},
		{"many attempts", func(t *trial) { t.fewAttempts("", 1201, ten(samples(1000, good))) }, false},
		{"ejected", func(t *trial) { t.isOut(outlier{}, 10, ten(samples(100, good))) }, true},
		{"in balance", func(t *trial) { t.isOut(outlier{}, 11, ten(samples(100, good))) }, false},
		{"back", func(t *trial) { t.isBack(outlier{}, 17, ten(samples(100, good))) }, true},
		{"away", func(t *trial) { t.isBack(outlier{}, 16, ten(samples(100, good))) }, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var judged trial
			test.judge(&judged)
			if judged.found.Passed() != test.want {
				t.Errorf("%+v", judged.found.Checks)
			}
		})
	}
}

func TestRefusesFast(t *testing.T) {
	slow := func(s load.Sample, took time.Duration) load.Sample {
		s.Took = took
		return s
	}
	tests := []struct {
		name            string
		refusal, health time.Duration
		form            Form
		want            bool
	}{
		{"fast", 4 * time.Millisecond, time.Millisecond, Full(), true},
		{"slow", 6 * time.Millisecond, time.Millisecond, Full(), false},
		{"slow as everything is", 19 * time.Millisecond, 10 * time.Millisecond, Full(), true},
		{"slower than everything else", 21 * time.Millisecond, 10 * time.Millisecond, Full(), false},
		{"slow, on a busy machine", time.Second, time.Millisecond, Short(), true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			judged := trial{form: test.form}
			refusedWrite := refused
			refusedWrite.Name = write
			during := ten(samples(100, slow(refusedWrite, test.refusal)), samples(100, slow(refused, time.Hour)))
			judged.refusesFast("", parts{during: during}, ten(samples(100, slow(good, test.health))))
			if judged.found.Passed() != test.want {
				t.Errorf("%+v", judged.found.Checks)
			}
		})
	}
}

func TestJudgeOverload(t *testing.T) {
	critical, sheddable := good, load.Sample{Name: list, Status: 200}
	shed := load.Sample{Name: list, Status: 503, Reason: overloaded}
	shedCritical := load.Sample{Name: read, Status: 503, Reason: overloaded}
	peak := ten(samples(1000, sheddable))
	tests := []struct {
		name string
		over load.Seen
		want bool
	}{
		{"as it must be", ten(samples(500, critical), samples(500, sheddable), samples(3000, shed)), true},
		{"less goodput", ten(samples(500, critical), samples(390, sheddable), samples(3110, shed)), false},
		{"critical calls shed", ten(samples(450, critical), samples(50, shedCritical), samples(550, sheddable), samples(2950, shed)), false},
		{"nothing shed", ten(samples(500, critical), samples(3500, sheddable)), false},
		{"a client without a response", ten(samples(500, critical), samples(500, sheddable), samples(3000, shed), samples(1, lost)), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var judged trial
			judged.judgeOverload(peak, test.over)
			if judged.found.Passed() != test.want {
				t.Errorf("%+v", judged.found.Checks)
			}
		})
	}
}

func TestScenariosHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range All() {
		if s.Name == "" || s.About == "" || s.run == nil || seen[s.Name] {
			t.Errorf("%+v", s)
		}
		seen[s.Name] = true
	}
}

func TestCapacity(t *testing.T) {
	if capacity != 100 {
		t.Errorf("%v calls a second", capacity)
	}
}
