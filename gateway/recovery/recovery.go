// Package recovery keeps a panic in a handler from ending the process or the
// connection without an answer.
package recovery

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
)

// New returns a middleware that logs a panic with its stack and answers an
// INTERNAL error through onError, where no answer has begun. Nothing of the
// panic reaches the client. http.ErrAbortHandler passes, as net/http wants.
func New(logger *slog.Logger, onError func(http.ResponseWriter, *http.Request, error)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			tracked := track(w)
			defer func() {
				value := recover()
				if value == nil {
					return
				}
				if err, ok := value.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(value)
				}
				logger.ErrorContext(r.Context(), "panic in a handler",
					"panic", fmt.Sprint(value), "stack", string(debug.Stack()))
				if tracked.Began() {
					// The client must not take half an answer for a whole one.
					panic(http.ErrAbortHandler)
				}
				onError(w, r, &apierror.Error{Code: codes.Internal, Reason: apierror.Internal, Message: "internal error"})
			}()
			next.ServeHTTP(tracked, r)
		})
	}
}

// tracker is a ResponseWriter that knows whether an answer has begun.
type tracker interface {
	http.ResponseWriter
	Began() bool
}

// track returns w where a step further out has wrapped it in a tracker.
func track(w http.ResponseWriter) tracker {
	if known, ok := w.(tracker); ok {
		return known
	}
	return &writer{ResponseWriter: w}
}

// writer remembers whether an answer has begun.
type writer struct {
	http.ResponseWriter
	began bool
}

// Began implements tracker.
func (w *writer) Began() bool { return w.began }

func (w *writer) WriteHeader(status int) {
	w.began = w.began || status >= http.StatusOK
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(b []byte) (int, error) {
	w.began = true
	return w.ResponseWriter.Write(b)
}

// Unwrap serves http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
