package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/venta-hq/venta/chaos/internal/report"
	"github.com/venta-hq/venta/chaos/internal/stage"
)

// maxStaleness is the default of cache.max_staleness: for longer nobody may read
// what is older than a write that was answered.
const maxStaleness = time.Second

// cachedPolicies lifts the limits and leaves the cache, which this is about.
func cachedPolicies() []stage.Override {
	return []stage.Override{{Method: "*", Policy: `{rate_limits: [{disabled: true}]}`}}
}

// freshness has clients write numbers to a few vendors and read them, and knows
// for how long each was out of date when it was read.
type freshness struct {
	client  *http.Client
	header  http.Header
	writers []string // bases
	readers []string

	mu      sync.Mutex
	answers map[string][]time.Time // of a vendor's numbers, from 1 on
	reads   []freshRead
	failed  []string
	began   time.Time
}

// freshRead is one read; late is for how long a newer number had been answered.
type freshRead struct {
	at   time.Duration
	late time.Duration
}

const (
	freshVendors = 4
	freshPause   = 5 * time.Millisecond
	readsAWrite  = 20
)

func (t *trial) newFreshness(writers, readers []*stage.Gateway) *freshness {
	f := &freshness{
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: freshVendors}},
		header: t.Header(), answers: map[string][]time.Time{}, began: time.Now(),
	}
	for _, g := range writers {
		f.writers = append(f.writers, g.Base())
	}
	for _, g := range readers {
		f.readers = append(f.readers, g.Base())
	}
	return f
}

// run writes and reads until ctx ends.
func (f *freshness) run(ctx context.Context) {
	defer f.client.CloseIdleConnections()
	var vendors sync.WaitGroup
	for i := range freshVendors {
		vendors.Go(func() {
			path := "/v2/vendors/fresh-" + strconv.Itoa(i)
			for n := 0; ctx.Err() == nil; n++ {
				if n%readsAWrite == 0 {
					f.write(f.writers[n/readsAWrite%len(f.writers)], path)
				}
				f.read(f.readers[n%len(f.readers)], path)
				_ = stage.Sleep(ctx, freshPause) // the loop looks
			}
		})
	}
	vendors.Wait()
}

func (f *freshness) write(base, path string) {
	f.mu.Lock()
	next := len(f.answers[path]) + 1
	f.mu.Unlock()
	if _, err := f.ask(http.MethodPatch, base+path, fmt.Sprintf(`{"name":"%d"}`, next)); err != nil {
		f.fail(err)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[path] = append(f.answers[path], time.Now())
}

func (f *freshness) read(base, path string) {
	begun := time.Now()
	name, err := f.ask(http.MethodGet, base+path, "")
	if err != nil {
		f.fail(err)
		return
	}
	number, _ := strconv.Atoi(name) // none yet is 0
	f.mu.Lock()
	defer f.mu.Unlock()
	read := freshRead{at: begun.Sub(f.began)}
	if answers := f.answers[path]; number < len(answers) { // the next number had been answered, and is not read
		read.late = max(begun.Sub(answers[number]), 0)
	}
	f.reads = append(f.reads, read)
}

func (f *freshness) ask(method, url, body string) (name string, err error) {
	// No context of the run: what was begun must be counted.
	r, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header = f.header.Clone()
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := f.client.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s: %s: %w", method, response.Status, text, err)
	}
	var vendor struct{ Name string }
	return vendor.Name, json.Unmarshal(text, &vendor)
}

func (f *freshness) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed = append(f.failed, err.Error())
}

// saw reports the reads of [from, to): how many were older than an answered write,
// and the most that one was.
func (f *freshness) saw(t *trial, phase string, from, to time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	found := report.Phase{Name: phase, Attempts: uncounted, Outcomes: map[string]int{}}
	for _, read := range f.reads {
		if read.at < from || read.at >= to {
			continue
		}
		found.Requests++
		if read.late == 0 {
			found.OK++
			continue
		}
		found.Outcomes["older than a write that was answered"]++
		found.P99 = max(found.P99, read.late)
	}
	t.found.Phases = append(t.found.Phases, found)
}

// judge checks that nobody was out of date for too long.
func (f *freshness) judge(t *trial) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var worst time.Duration
	older := 0
	for _, read := range f.reads {
		worst = max(worst, read.late)
		if read.late > 0 {
			older++
		}
	}
	t.check(worst <= maxStaleness && len(f.reads) > 0, "no read is older than a write that was answered a second before",
		"%d of %d reads were older than an answered write, by %s at most", older, len(f.reads), worst.Round(time.Millisecond))
	t.check(len(f.failed) == 0, "no request fails", "%d failed %.200v", len(f.failed), f.failed)
}

// goes runs f until phases end.
func (f *freshness) goes(ctx context.Context, phases func() error) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	var running sync.WaitGroup
	running.Go(func() { f.run(ctx) })
	err := phases()
	end()
	running.Wait()
	return err
}
