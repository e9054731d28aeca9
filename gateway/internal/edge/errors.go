package edge

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/internal/assembly"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/transcode"
)

// writeError is the mux's error handler: google.rpc.Status as JSON, or
// RFC 9457 problem details where the client asks for them, with the request's
// id in both. What the client must not see goes to the log.
func (e *Edge) writeError(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
	cache.RememberError(r.Context(), err) // which is written anew for each client, with its own id
	if ended := assembly.RequestEnded(ctx, err); ended != nil {
		e.WriteError(w, r, ended)
		return
	}
	telemetry.Failed(r.Context(), unwrapped(err))
	st, httpStatus := e.visible(ctx, err)
	contentType, body, err := encodeError(r, st, httpStatus)
	if err != nil {
		e.logger.ErrorContext(ctx, "encoding an error", "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(httpStatus)
	if _, err := w.Write(body); err != nil {
		e.logger.DebugContext(ctx, "the client left before its error was written", "error", err)
	}
}

// streamError is the mux's handler for errors of a stream: the same status that
// an error before the response has.
func (e *Edge) streamError(ctx context.Context, err error) *status.Status {
	err = assembly.StreamEnded(ctx, err)
	telemetry.Failed(ctx, err)
	st, _ := e.visible(ctx, err)
	return st
}

// visible returns what the client sees of an error, with the request's id, and
// logs what it does not.
func (e *Edge) visible(ctx context.Context, err error) (*status.Status, int) {
	err = internal(err)
	st, httpStatus := presented(err)
	if own := apierror.As(unwrapped(err)); own != nil && own.Cause != nil {
		e.logger.WarnContext(ctx, "request failed",
			"request_id", telemetry.RequestID(ctx), "reason", string(own.Reason), "error", own.Error())
	}
	if id := telemetry.RequestID(ctx); id != "" {
		if with, err := st.WithDetails(&errdetails.RequestInfo{RequestId: id, ServingData: telemetry.TraceID(ctx)}); err == nil {
			st = with
		}
	}
	return st, httpStatus
}

// unwrapped returns an error without the status that the mux's handler gives its
// response by, which nothing sees through.
func unwrapped(err error) error {
	if custom, ok := errors.AsType[*runtime.HTTPStatusError](err); ok {
		return custom.Err
	}
	return err
}

// presented returns what the client sees of an error.
func presented(err error) (*status.Status, int) {
	if custom, ok := errors.AsType[*runtime.HTTPStatusError](err); ok {
		return status.Convert(custom.Err), custom.HTTPStatus
	}
	st := status.Convert(err)
	return st, runtime.HTTPStatusFromCode(st.Code())
}

// internal keeps inside what is no status, and so was not meant for a client, such
// as what a marshaler says of a message.
func internal(err error) error {
	if _, ok := errors.AsType[*runtime.HTTPStatusError](err); ok || apierror.As(err) != nil {
		return err
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	return &apierror.Error{Code: codes.Internal, Reason: apierror.Internal, Message: "internal error", Cause: err}
}

func encodeError(r *http.Request, st *status.Status, httpStatus int) (contentType string, body []byte, err error) {
	body, err = protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(st.Proto())
	if err != nil || !wantsProblem(r) {
		return "application/json", body, err
	}
	body, err = problem(st, httpStatus, body)
	return "application/problem+json", body, err
}

// problem adds the members of RFC 9457 to the status.
func problem(st *status.Status, httpStatus int, statusJSON []byte) ([]byte, error) {
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(statusJSON, &members); err != nil {
		return nil, err
	}
	standard, err := json.Marshal(map[string]any{
		"type":   "about:blank",
		"title":  http.StatusText(httpStatus),
		"status": httpStatus,
		"detail": st.Message(),
	})
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(standard, &members); err != nil {
		return nil, err
	}
	return json.Marshal(members)
}

func wantsProblem(r *http.Request) bool {
	for _, accept := range r.Header.Values("Accept") {
		if strings.Contains(accept, "application/problem+json") {
			return true
		}
	}
	return false
}

// WriteError writes an error outside of a route.
func (e *Edge) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	transcode.WriteError(e.mux, w, r, err)
}
