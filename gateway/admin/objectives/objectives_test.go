package objectives_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/venta-hq/venta/gateway/admin/objectives"
	"github.com/venta-hq/venta/gateway/policy"
)

const (
	get  = "shop.v1.OrderService/Get"
	list = "shop.v1.OrderService/List"
	day  = 24 * time.Hour
)

// shop counts requests as a gateway does, and is read at a time of its own.
type shop struct {
	*prometheus.Registry
	*prometheus.HistogramVec
	*objectives.Tracker
	now      time.Time
	promises []objectives.Promise
}

func newShop(native bool, promises ...objectives.Promise) *shop {
	o := prometheus.HistogramOpts{Help: "A test.", Name: "http_server_request_duration_seconds", Buckets: []float64{0.1, 0.25, 1}}
	if native {
		o.Buckets, o.NativeHistogramBucketFactor = nil, 1.1
	}
	s := &shop{
		Registry:     prometheus.NewRegistry(),
		HistogramVec: prometheus.NewHistogramVec(o, []string{"http_response_status_code", "error_type", "rpc_method"}),
		now:          time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), promises: promises,
	}
	s.MustRegister(s.HistogramVec)
	s.Tracker = objectives.NewTracker(func() []objectives.Promise { return s.promises })
	s.read(0)
	return s
}

// read reads after a time.
func (s *shop) read(after time.Duration) {
	s.now = s.now.Add(after)
	families, err := s.Gather()
	if err != nil {
		panic(err)
	}
	s.Read(s.now, families)
}

// serve counts requests of a status that took a time.
func (s *shop) serve(n int, method, status string, seconds float64) {
	failed := ""
	if status == "" || status >= "500" {
		failed = "x"
	}
	for range n {
		s.WithLabelValues(status, failed, method).Observe(seconds)
	}
}

// states writes how promises are kept.
func (s *shop) states() string {
	var all []string
	for _, state := range s.States(s.now) {
		all = append(all, fmt.Sprintf("%s %s %.0f/%.0f %.3f", strings.TrimPrefix(state.Method, "shop.v1.OrderService/"), state.Kind, state.Bad, state.Requests, state.Remaining))
	}
	return strings.Join(all, "; ")
}

func promise(method string, o policy.Objective) objectives.Promise {
	if o.Window == 0 {
		o.Window = policy.DefaultObjectiveWindow
	}
	return objectives.Promise{Method: method, Objective: o}
}

var both = policy.Objective{Latency: 250 * time.Millisecond, Percentile: 90, ErrorPercent: 10}

func TestRemaining(t *testing.T) {
	for _, native := range []bool{false, true} {
		t.Run("native "+strconv.FormatBool(native), func(t *testing.T) {
			s := newShop(native, promise(get, both), promise(list, policy.Objective{ErrorPercent: 1}))
			if got := s.states(); got != "Get errors 0/0 NaN; Get latency 0/0 NaN; List errors 0/0 NaN" {
				t.Errorf("without requests: %s", got)
			}
			s.serve(90, get, "200", 0.01)
			s.serve(6, get, "302", 0.9) // slow
			s.serve(20, get, "404", 5)  // no success, and no failure
			s.serve(3, get, "500", 0.01)
			s.serve(1, get, "", 0.01) // broken off
			s.serve(99, list, "200", 9)
			s.serve(4, list, "503", 9)
			s.serve(100, "shop.v1.OrderService/Unpromised", "500", 9)
			s.read(5 * time.Second)
			if got := s.states(); got != "List errors 4/103 -2.883; Get latency 6/96 0.375; Get errors 4/120 0.667" {
				t.Error(got)
			}
		})
	}
}

// TestWindow holds that what is older than the window counts no more.
func TestWindow(t *testing.T) {
	s := newShop(false, promise(get, policy.Objective{ErrorPercent: 10, Window: 7 * day}))
	started := s.now
	s.serve(10, get, "500", 0.01)
	s.read(time.Minute)
	for range 6 {
		s.serve(10, get, "200", 0.01)
		s.read(day)
	}
	if got := s.states(); got != "Get errors 10/70 -0.429" || !s.States(s.now)[0].Since.Equal(started) {
		t.Errorf("%s since %s", got, s.States(s.now)[0].Since)
	}
	s.read(day + time.Hour)
	if got := s.states(); got != "Get errors 0/60 1.000" || !s.States(s.now)[0].Since.Equal(s.now.Add(-7*day)) {
		t.Errorf("%s since %s", got, s.States(s.now)[0].Since)
	}
	s.read(30 * day)
	if got := s.states(); got != "Get errors 0/0 NaN" {
		t.Error(got)
	}
}

// TestOverrides holds that a promise counts from when on it is in force, that another
// share of it counts on, and that a latency without a bucket is told as such.
func TestOverrides(t *testing.T) {
	s := newShop(false)
	s.serve(10, get, "500", 0.01)
	s.read(time.Minute)
	s.promises = []objectives.Promise{promise(get, policy.Objective{ErrorPercent: 10})}
	if got := s.states(); got != "Get errors 0/0 NaN" {
		t.Errorf("not read yet: %s", got)
	}
	s.read(time.Minute)
	s.serve(1, get, "500", 0.01)
	s.serve(9, get, "200", 0.2)
	s.read(time.Minute)
	if got := s.states(); got != "Get errors 1/10 0.000" {
		t.Errorf("from when on it is in force: %s", got)
	}
	s.promises = []objectives.Promise{promise(get, policy.Objective{ErrorPercent: 50, Latency: 300 * time.Millisecond, Percentile: 90})}
	s.read(time.Minute)
	s.serve(10, get, "200", 0.2)
	s.read(time.Minute)
	if got := s.states(); got != "Get errors 1/20 0.900; Get latency 0/10 NaN" || !s.States(s.now)[1].Unmeasured {
		t.Error(got)
	}
	s.promises = nil
	s.read(time.Minute)
	if got := s.states(); got != "" {
		t.Error(got)
	}
}

// TestManyStaySmall holds the memory of the longest window to 6 KiB a promise.
func TestManyStaySmall(t *testing.T) {
	s := newShop(false, promise(get, policy.Objective{ErrorPercent: 1, Window: 90 * day}))
	for range 4 * 100 * 24 {
		s.serve(1, get, "200", 0.01)
		s.read(15 * time.Minute)
	}
	if n := objectives.Steps(s.Tracker); n > 512 {
		t.Errorf("%d steps", n)
	}
	if state := s.States(s.now)[0]; math.Abs(state.Requests-4*90*24) > 4*6+1 {
		t.Errorf("%v requests in the window", state.Requests)
	}
}

// BenchmarkRead is one reading of a gateway with 500 RPCs that promise both.
func BenchmarkRead(b *testing.B) {
	var promises []objectives.Promise
	for i := range 500 {
		promises = append(promises, promise("shop.v1.S/"+strconv.Itoa(i), both))
	}
	s := newShop(false, promises...)
	for _, p := range promises {
		for _, status := range []string{"200", "404", "503"} {
			s.serve(1, p.Method, status, 0.1)
		}
	}
	families, err := s.Gather()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		s.Read(s.now, families)
	}
}
