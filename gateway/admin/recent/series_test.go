package recent_test

import (
	"math"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/venta-hq/venta/gateway/admin/recent"
)

// TestSeries holds that rates are those of the last minute, that a counter which
// appears has counted from 0 on, and that what is gone is forgotten.
func TestSeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess()
		open := prometheus.NewGaugeVec(prometheus.GaugeOpts{Help: "A test.", Name: "venta_stream_active"}, []string{"rpc_method"})
		p.MustRegister(open)
		p.cache.WithLabelValues("shop.v1.S/Get", "hit").Add(1000) // before there was anybody to remember
		h := start(t, recent.Options{Gatherer: p})
		one := func(metric string, i, of int) recent.Series {
			t.Helper()
			all := h.Series(metric)
			if len(all) != of {
				t.Fatalf("%s: %v", metric, all)
			}
			return all[i]
		}
		near := func(s recent.Series, value, rate float64) {
			t.Helper()
			if s.Value != value || math.Abs(s.PerSecond-rate) > 1e-9 {
				t.Errorf("%v, want %v and %v a second", s, value, rate)
			}
		}
		near(one("venta_cache_requests_total", 0, 1), 1000, 0)
		p.cache.WithLabelValues("shop.v1.S/Get", "hit").Add(50)
		p.cache.WithLabelValues("shop.v1.S/Get", "miss").Add(20)
		open.WithLabelValues("shop.v1.S/Watch").Set(3)
		next(1)
		near(one("venta_cache_requests_total", 0, 2), 1050, 10)
		near(one("venta_cache_requests_total", 1, 2), 20, 4)
		near(one("venta_stream_active", 0, 1), 3, 0.6)
		open.Reset()
		next(11)
		near(one("venta_cache_requests_total", 0, 2), 1050, 50./60)
		next(1)
		near(one("venta_cache_requests_total", 0, 2), 1050, 0)
		if one := one("venta_cache_requests_total", 1, 2); one.Labels["venta_cache_outcome"] != "miss" {
			t.Errorf("%v", one.Labels)
		}
		if all := h.Series("venta_stream_active"); len(all) != 0 {
			t.Errorf("%v", all)
		}
		if all := h.Series("http_server_request_duration_seconds"); len(all) != 0 {
			t.Errorf("%v", all)
		}
	})
}
