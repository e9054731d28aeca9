package store

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"maps"
	"slices"
	"strings"

	"github.com/XSAM/otelsql"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// openSQLite opens a pool of connections to the file, and has the statements traced.
func (o Options) openSQLite(path, parameters string, conns int) (*sql.DB, error) {
	if o.TracerProvider == nil {
		db, err := sql.Open(driver, source(path, parameters))
		if err != nil {
			return nil, err
		}
		return o.pooled(db, conns), nil
	}
	db, err := otelsql.Open(driver, source(path, parameters), o.traced(semconv.DBSystemNameSQLite)...)
	if err != nil {
		return nil, err
	}
	return o.pooled(db, conns), nil
}

// traced has a driver make spans of statements, with these attributes.
func (o Options) traced(attributes ...attribute.KeyValue) []otelsql.Option {
	return []otelsql.Option{
		otelsql.WithTracerProvider(o.TracerProvider),
		otelsql.WithMeterProvider(noop.NewMeterProvider()),
		otelsql.WithAttributes(attributes...),
		otelsql.WithSpanNameFormatter(spanName),
		otelsql.WithSpanOptions(otelsql.SpanOptions{
			DisableErrSkip:       true,
			OmitConnectorConnect: true,
			OmitConnPrepare:      true,
			OmitConnResetSession: true,
			OmitRows:             true,
			SpanFilter:           inTrace,
		}),
	}
}

// inTrace reports whether a call is traced that needs the statement. What the store
// does by itself begins no trace.
func inTrace(ctx context.Context, _ otelsql.Method, _ string, _ []sqldriver.NamedValue) bool {
	return trace.SpanFromContext(ctx).IsRecording()
}

// spanName is what a statement does, such as "SELECT"; BEGIN and COMMIT have the
// names of their methods.
func spanName(_ context.Context, method otelsql.Method, query string) string {
	if verb := strings.Fields(query); len(verb) > 0 {
		return verb[0]
	}
	return string(method)
}

// meters are what is measured until the store is closed.
type meters []metric.Registration

func (m meters) close() error {
	for _, registration := range m {
		if err := registration.Unregister(); err != nil {
			return err
		}
	}
	return nil
}

// measure reports what the pools do, by their names, as OpenTelemetry's conventions
// for connections to databases have it. How long calls waited for one they have as a
// histogram alone, which database/sql does not know; two counters stand for it.
func (s *Store) measure(o Options, pools map[string]*sql.DB) error {
	if o.MeterProvider == nil {
		return nil
	}
	meter := o.MeterProvider.Meter("github.com/venta-hq/venta/services/store")
	count, err := meter.Int64ObservableUpDownCounter("db.client.connection.count", metric.WithUnit("{connection}"),
		metric.WithDescription("Connections of a pool that are idle and in use."))
	if err != nil {
		return err
	}
	most, err := meter.Int64ObservableUpDownCounter("db.client.connection.max", metric.WithUnit("{connection}"),
		metric.WithDescription("The most connections that a pool may have."))
	if err != nil {
		return err
	}
	waits, err := meter.Int64ObservableCounter("venta.database.waits", metric.WithUnit("{wait}"),
		metric.WithDescription("Calls that waited for a connection of a pool."))
	if err != nil {
		return err
	}
	waited, err := meter.Float64ObservableCounter("venta.database.wait_time", metric.WithUnit("s"),
		metric.WithDescription("How long calls waited for a connection of a pool."))
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(pools))
	registration, err := meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		for _, name := range names {
			stats := pools[name].Stats()
			pool := semconv.DBClientConnectionPoolName(name)
			to.ObserveInt64(count, int64(stats.Idle), metric.WithAttributes(pool, semconv.DBClientConnectionStateIdle))
			to.ObserveInt64(count, int64(stats.InUse), metric.WithAttributes(pool, semconv.DBClientConnectionStateUsed))
			to.ObserveInt64(most, int64(stats.MaxOpenConnections), metric.WithAttributes(pool))
			to.ObserveInt64(waits, stats.WaitCount, metric.WithAttributes(pool))
			to.ObserveFloat64(waited, stats.WaitDuration.Seconds(), metric.WithAttributes(pool))
		}
		return nil
	}, count, most, waits, waited)
	if err == nil {
		s.meters = append(s.meters, registration)
	}
	return err
}
