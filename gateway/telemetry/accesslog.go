package telemetry

import (
	"log/slog"
	"net/http"
	"time"
)

// AccessLog returns a middleware that logs one line for each request: at level
// INFO, or WARN for an answer of 500 and above. Query strings are left out, as
// they may hold secrets.
func AccessLog(logger *slog.Logger) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			start := time.Now()
			counted := &countingWriter{ResponseWriter: w}
			defer func() { logRequest(logger, r, counted, time.Since(start)) }()
			next.ServeHTTP(counted, r)
			counted.end()
		})
	}
}

func logRequest(logger *slog.Logger, r *http.Request, w *countingWriter, took time.Duration) {
	level := slog.LevelInfo
	if w.status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	logger.LogAttrs(r.Context(), level, "request",
		slog.String("request_id", RequestID(r.Context())),
		slog.String("http.request.method", r.Method),
		slog.String("url.path", r.URL.Path),
		slog.Int("http.response.status_code", w.status), // 0: cut before an answer
		slog.Int64("http.response.body.size", w.bytes),
		slog.Duration("duration", took),
		slog.String("client.address", r.RemoteAddr),
	)
}

// countingWriter remembers the status and counts the body's bytes.
type countingWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// end notes what net/http answers for a handler that wrote nothing.
func (w *countingWriter) end() {
	if w.status < http.StatusOK {
		w.status = http.StatusOK
	}
}

func (w *countingWriter) WriteHeader(status int) {
	if w.status < http.StatusOK { // an informational status may come before
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *countingWriter) Write(b []byte) (int, error) {
	w.end()
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap serves http.ResponseController.
func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
