package load_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/chaos/internal/load"
)

// gateway responds to the i-th request that comes to it.
type gateway struct {
	respond func(i int, r *http.Request) (status int, body string, err error)
	mu      sync.Mutex
	came    int
}

// RoundTrip implements http.RoundTripper.
func (g *gateway) RoundTrip(r *http.Request) (*http.Response, error) {
	g.mu.Lock()
	i := g.came
	g.came++
	g.mu.Unlock()
	status, body, err := g.respond(i, r)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func get(int) load.Request {
	return load.Request{Name: "read", Method: http.MethodGet, Path: "/x", From: "10.0.0.1"}
}

func plan(g *gateway) load.Plan {
	return load.Plan{Base: "http://gateway", Rate: 10, Duration: 2 * time.Second, Next: get, Transport: g}
}

func TestLoadKeepsItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		began := time.Now()
		g := &gateway{respond: func(_ int, r *http.Request) (int, string, error) {
			at = append(at, time.Since(began))
			if r.Header.Get("X-Forwarded-For") != "10.0.0.1" || r.Header.Get("Authorization") != "Bearer t" {
				t.Errorf("header %v", r.Header)
			}
			return 200, "", nil
		}}
		p := plan(g)
		p.Header = http.Header{"Authorization": {"Bearer t"}}
		seen := load.Start(t.Context(), p).Wait()
		if seen.Count() != 20 || seen.OK().Count() != 20 || seen.Skipped != 0 {
			t.Errorf("%d requests, %v", seen.Count(), seen.Outcomes())
		}
		if len(at) != 20 || at[1] != 100*time.Millisecond || at[19] != 1900*time.Millisecond {
			t.Errorf("sent at %v", at)
		}
	})
}

// TestStallsAreNotOmitted holds that a gateway which stands still for a second
// gets requests all the same, and that those sent meanwhile waited.
func TestStallsAreNotOmitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		g := &gateway{respond: func(int, *http.Request) (int, string, error) {
			time.Sleep(time.Second - time.Since(began)) // until it goes on, then not at all
			return 200, "", nil
		}}
		seen := load.Start(t.Context(), plan(g)).Wait()
		if first := seen.Samples[0].Took; first > time.Second {
			t.Errorf("%s", first)
		}
		slow := seen.Where(func(s load.Sample) bool { return s.Took > 0 })
		if slow.Count() != 10 || slow.Quantile(0) != 100*time.Millisecond || slow.Quantile(1) != time.Second {
			t.Errorf("%d waited, from %s to %s", slow.Count(), slow.Quantile(0), slow.Quantile(1))
		}
	})
}

func TestWhatIsInFlightIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gateway{respond: func(_ int, r *http.Request) (int, string, error) {
			<-r.Context().Done()
			return 0, "", r.Context().Err()
		}}
		p := plan(g)
		p.MaxInFlight, p.Timeout = 3, 5*time.Second
		seen := load.Start(t.Context(), p).Wait()
		want := map[string]int{"client timed out": 3, "not sent": 17}
		if diff := cmp.Diff(want, seen.Outcomes()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestStopLetsResponsesArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gateway{respond: func(int, *http.Request) (int, string, error) {
			time.Sleep(time.Minute)
			return 204, "", nil
		}}
		p := plan(g)
		p.Timeout = time.Hour
		run := load.Start(t.Context(), p)
		time.Sleep(450 * time.Millisecond)
		seen := run.Stop()
		if seen.OK().Count() != 5 || seen.Span != 400*time.Millisecond || run.Elapsed() != time.Minute+400*time.Millisecond {
			t.Errorf("%d of %d in %s", seen.OK().Count(), seen.Count(), seen.Span)
		}
	})
}

func TestLoadEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		g := &gateway{respond: func(_ int, r *http.Request) (int, string, error) {
			<-r.Context().Done()
			return 0, "", r.Context().Err()
		}}
		run := load.Start(ctx, plan(g))
		time.Sleep(250 * time.Millisecond)
		cancel()
		if seen := run.Wait(); seen.Count() != 3 || seen.Failed().Count() != 3 {
			t.Errorf("%v", seen.Outcomes())
		}
	})
}

// broken is a body that ends too early.
type broken struct{}

// Read implements io.Reader.
func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestOutcomes(t *testing.T) {
	const open = `{"code":14,"details":[{"@type":"x"},{"@type":"y","reason":"CIRCUIT_OPEN"}]}`
	synctest.Test(t, func(t *testing.T) {
		responses := []struct {
			status int
			body   string
			err    error
		}{
			{200, `{"details":[{"reason":"OF NO ERROR"}]}`, nil},
			{503, open, nil},
			{404, `{"code":5,"details":[]}`, nil},
			{502, "bad gateway", nil},
			{0, "", io.EOF},
			{0, "", errors.New("strange")},
		}
		g := &gateway{respond: func(i int, _ *http.Request) (int, string, error) {
			r := responses[i]
			return r.status, r.body, r.err
		}}
		p := plan(g)
		p.Duration = 600 * time.Millisecond
		want := map[string]int{
			"200": 1, "503 CIRCUIT_OPEN": 1, "404": 1, "502 not JSON": 1, "connection lost": 1, `Get "http://gateway/x": strange`: 1,
		}
		if diff := cmp.Diff(want, load.Start(t.Context(), p).Wait().Outcomes()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestAResponseThatBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := plan(nil)
		p.Duration = time.Millisecond
		p.Transport = half{}
		if got := load.Start(t.Context(), p).Wait(); got.Samples[0].Outcome() != "200, then connection lost" || got.Samples[0].OK() {
			t.Errorf("%v", got.Outcomes())
		}
	})
}

type half struct{}

// RoundTrip implements http.RoundTripper.
func (half) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Body: io.NopCloser(broken{}), Request: r}, nil
}

func TestSeen(t *testing.T) {
	seen := load.Seen{Span: 10 * time.Second}
	for i := range 10 {
		seen.Samples = append(seen.Samples, load.Sample{
			Name: []string{"read", "write"}[i%2], At: time.Duration(i) * time.Second,
			Took: time.Duration(10-i) * time.Millisecond, Status: []int{200, 201, 503}[i%3],
		})
	}
	after := seen.After(7 * time.Second)
	if after.Count() != 3 || after.Span != 3*time.Second || after.Last() != 9*time.Second {
		t.Errorf("after: %+v", after)
	}
	if got := seen.Between(2*time.Second, 4*time.Second); got.Count() != 2 || got.Span != 2*time.Second {
		t.Errorf("between: %+v", got)
	}
	if got := seen.Named("write").Failed().Count(); got != 1 {
		t.Errorf("%d writes failed", got)
	}
	if seen.Quantile(0.5) != 6*time.Millisecond || seen.Quantile(1) != 10*time.Millisecond || (load.Seen{}).Quantile(0.5) != 0 {
		t.Errorf("quantiles %s %s", seen.Quantile(0.5), seen.Quantile(1))
	}
}
