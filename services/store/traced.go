package store

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"strings"

	"github.com/XSAM/otelsql"
	"go.opentelemetry.io/otel/metric/noop"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// connect does what the function connect does, and has the statements traced.
func (o Options) connect(path, parameters string, conns int) (*sql.DB, error) {
	if o.TracerProvider == nil {
		return connect(path, parameters, conns)
	}
	db, err := otelsql.Open(driver, source(path, parameters),
		otelsql.WithTracerProvider(o.TracerProvider),
		otelsql.WithMeterProvider(noop.NewMeterProvider()),
		otelsql.WithAttributes(semconv.DBSystemNameSQLite),
		otelsql.WithSpanNameFormatter(spanName),
		otelsql.WithSpanOptions(otelsql.SpanOptions{
			DisableErrSkip:       true,
			OmitConnectorConnect: true,
			OmitConnPrepare:      true,
			OmitConnResetSession: true,
			OmitRows:             true,
			SpanFilter:           inTrace,
		}))
	return pooled(db, conns), err
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
