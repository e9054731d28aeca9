// Package recovery keeps a panic in a handler from ending the process or the
// connection without a response.
package recovery

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/internal/panics"
	"github.com/venta-hq/venta/gateway/internal/responsewriter"
)

// New returns a middleware that logs a panic with its stack and writes an
// INTERNAL error through onError, where no response has begun. Nothing of the
// panic reaches the client. http.ErrAbortHandler passes, as net/http wants. onPanic,
// where it is not nil, is told of the panic at last, behind onError.
func New(logger *slog.Logger, onError func(http.ResponseWriter, *http.Request, error), onPanic func(context.Context)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			response := watch(w)
			defer func() {
				value := recover()
				if value == nil {
					return
				}
				if err, ok := value.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(value)
				}
				if onPanic != nil {
					defer onPanic(r.Context())
				}
				logger.ErrorContext(r.Context(), "panic in a handler",
					"panic", panics.Text(value), "stack", string(debug.Stack()))
				if response.Began() {
					// The client must not take half a response for a whole one.
					panic(http.ErrAbortHandler)
				}
				onError(w, r, &apierror.Error{Code: codes.Internal, Reason: apierror.Internal, Message: "internal error"})
			}()
			next.ServeHTTP(response, r)
		})
	}
}

// Text returns what a log may have of a panic's value: the text of an error or a
// string, and of all else, such as a message, the type alone.
func Text(value any) string { return panics.Text(value) }

// watch returns w where a step further out watches the response already.
func watch(w http.ResponseWriter) *responsewriter.Watcher {
	if known, ok := w.(*responsewriter.Watcher); ok {
		return known
	}
	return &responsewriter.Watcher{ResponseWriter: w}
}
