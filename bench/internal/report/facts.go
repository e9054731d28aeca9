package report

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// Facts are the circumstances of a run.
type Facts struct {
	When      time.Time
	Generator string // the load generator and its version
	MaxProcs  int    // GOMAXPROCS of the backend and of each subject
	Rounds    int
	Duration  time.Duration // of one load
	WarmUp    time.Duration // before each load
}

// String returns the facts, and those of this machine, as a Markdown list.
func (f Facts) String() string {
	return machine() + fmt.Sprintf(`- versions: %s, %s
- GOMAXPROCS of every process: %d
- %d rounds of %s each, after %s of warm-up
- date: %s
`, runtime.Version(), f.Generator, f.MaxProcs, f.Rounds, f.Duration, f.WarmUp, f.When.UTC().Format(time.DateOnly))
}

func machine() string {
	return fmt.Sprintf("- machine: %s, %d cores, %s/%s\n", cpuModel(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
}

// cpuModel reads proc(5). Where that does not say it, the model is unknown.
func cpuModel() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown CPU"
	}
	return parseModel(string(info))
}

func parseModel(cpuinfo string) string {
	for line := range strings.Lines(cpuinfo) {
		name, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown CPU"
}
