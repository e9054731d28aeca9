package export

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// broken is a collector whose only metric cannot be read.
type broken struct{}

func (broken) Describe(chan<- *prometheus.Desc) {}

func (broken) Collect(metrics chan<- prometheus.Metric) {
	metrics <- prometheus.NewInvalidMetric(prometheus.NewDesc("a", "", nil, nil), errors.New("out of order"))
}

func TestBrokenMetricHidesNoOther(t *testing.T) {
	registry := prometheus.NewRegistry()
	fine := prometheus.NewCounter(prometheus.CounterOpts{Name: "fine_total", Help: "What is fine."})
	registry.MustRegister(broken{}, fine)
	var log bytes.Buffer
	h := scrape(registry, newReporter(slog.New(slog.NewTextHandler(&log, nil)), "exporting metrics"))
	for range 3 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "fine_total 0") {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
	}
	if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), "out of order") {
		t.Errorf("logged %q", log.String())
	}
}
