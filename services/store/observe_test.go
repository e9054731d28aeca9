package store

import (
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/venta-hq/venta/internal/postgrestest"
)

// openObserved opens a database with a recorder of spans and a reader of metrics.
func (p place) openObserved(t *testing.T) (*Store, *tracetest.SpanRecorder, *metric.ManualReader) {
	t.Helper()
	spans, reader := tracetest.NewSpanRecorder(), metric.NewManualReader()
	o := Options{
		PoolSize:       3,
		TracerProvider: trace.NewTracerProvider(trace.WithSpanProcessor(spans)),
		MeterProvider:  metric.NewMeterProvider(metric.WithReader(reader)),
	}
	var s *Store
	var err error
	if p.isURL() {
		s, err = OpenPostgreSQL(t.Context(), string(p), "", o)
	} else {
		s, err = Open(t.Context(), string(p), o)
	}
	must(t, err)
	return s, spans, reader
}

// TestSpansOfStatements: each statement of a traced call has one, without values.
func TestSpansOfStatements(t *testing.T) { onEach(t, testSpansOfStatements) }

func testSpansOfStatements(t *testing.T, db place) {
	s, spans, _ := db.openObserved(t)
	defer s.Close()
	newVendor(t, s, "user-1", "untraced")
	if n := len(spans.Ended()); n > 0 {
		t.Errorf("%d spans of a call that is not traced", n)
	}
	provider := trace.NewTracerProvider()
	ctx, call := provider.Tracer("test").Start(t.Context(), "call")
	_, err := s.CreateVendor(ctx, "user-1", Profile{Name: "not-in-spans"})
	must(t, err)
	_, failed := s.Vendor(ctx, "x")
	call.End()
	if failed == nil {
		t.Error("there is such a vendor")
	}
	var names []string
	for _, span := range spans.Ended() {
		names = append(names, span.Name())
		text := fmt.Sprint(span.Attributes(), span.Events())
		if !strings.Contains(text, s.engine.name) || strings.Contains(text, "not-in-spans") || strings.Contains(text, postgrestest.Password) {
			t.Errorf("%s: %s", span.Name(), text)
		}
		if span.Parent().TraceID() != call.SpanContext().TraceID() {
			t.Errorf("%s is of another trace", span.Name())
		}
	}
	for _, want := range []string{"INSERT", "SELECT"} {
		if !strings.Contains(strings.Join(names, " "), want) {
			t.Errorf("no %s in %v", want, names)
		}
	}
}

// TestMetricsOfPools holds what the pools tell, until the store is closed.
func TestMetricsOfPools(t *testing.T) { onEach(t, testMetricsOfPools) }

func testMetricsOfPools(t *testing.T, db place) {
	s, _, reader := db.openObserved(t)
	newVendor(t, s, "user-1", "x")
	tx, err := s.write.Begin()
	must(t, err)
	got := points(t, reader)
	must(t, tx.Rollback())
	pool, most := "writing", int64(1)
	if db.isURL() {
		pool, most = "postgresql", 3
	}
	for name, want := range map[string]int64{
		"db.client.connection.count " + pool + " used": 1, "db.client.connection.max " + pool: most, "venta.database.waits " + pool: 0,
	} {
		if got[name] != want {
			t.Errorf("%s: %d, want %d, of %v", name, got[name], want, got)
		}
	}
	if _, there := got["db.client.connection.count "+pool+" idle"]; !there {
		t.Errorf("no idle connections in %v", got)
	}
	must(t, s.Close())
	if left := points(t, reader); len(left) > 0 {
		t.Errorf("a closed store tells %v", left)
	}
}

// points are the values by metric, pool and state.
func points(t *testing.T, reader *metric.ManualReader) map[string]int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	must(t, reader.Collect(t.Context(), &all))
	values := map[string]int64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			sum, ok := m.Data.(metricdata.Sum[int64])
			if !ok {
				continue
			}
			for _, p := range sum.DataPoints {
				name := m.Name
				for _, key := range []string{"db.client.connection.pool.name", "db.client.connection.state"} {
					for _, attribute := range p.Attributes.ToSlice() {
						if string(attribute.Key) == key {
							name += " " + attribute.Value.AsString()
						}
					}
				}
				values[name] = p.Value
			}
		}
	}
	return values
}
