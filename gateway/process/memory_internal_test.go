package process

import (
	"errors"
	"math"
	"runtime/debug"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// TestLimitMemory holds how much of a container's memory is Go's, and that nobody's own
// setting is changed.
func TestLimitMemory(t *testing.T) {
	const container = 1 << 30
	failed := errors.New("cannot be read")
	none := func(err error) memlimit.Provider { return func() (uint64, error) { return 0, err } }
	for name, test := range map[string]struct {
		variable, value string
		container       memlimit.Provider
		want            int64
		err             bool
	}{
		"a container":        {"", "", memlimit.Limit(container), container * 9 / 10, false},
		"no limit":           {"", "", none(memlimit.ErrNoLimit), math.MaxInt64, false},
		"no container":       {"", "", none(memlimit.ErrNoCgroup), math.MaxInt64, false},
		"another system":     {"", "", none(memlimit.ErrCgroupsNotSupported), math.MaxInt64, false},
		"it cannot be read":  {"", "", none(failed), math.MaxInt64, true},
		"Go's own setting":   {"GOMEMLIMIT", "2GiB", memlimit.Limit(container), math.MaxInt64, false}, // Go has read it before
		"another share":      {"AUTOMEMLIMIT", "0.5", memlimit.Limit(container), container / 2, false},
		"no share":           {"AUTOMEMLIMIT", "off", memlimit.Limit(container), math.MaxInt64, false},
		"a share that is no": {"AUTOMEMLIMIT", "2", memlimit.Limit(container), math.MaxInt64, true},
	} {
		t.Run(name, func(t *testing.T) {
			before := debug.SetMemoryLimit(math.MaxInt64)
			defer debug.SetMemoryLimit(before)
			if test.variable != "" {
				t.Setenv(test.variable, test.value)
			}
			if err := limitMemory(test.container); (err != nil) != test.err {
				t.Errorf("%v", err)
			}
			if got := debug.SetMemoryLimit(-1); got != test.want {
				t.Errorf("%d, not %d", got, test.want)
			}
		})
	}
}
