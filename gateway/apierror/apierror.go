// Package apierror is the gateway's one error model: a google.rpc.Status with
// typed details, on every protocol.
//
// Every refusal of the gateway carries an ErrorInfo of [Domain] with a stable
// reason, so that a client (and the retry policy) can tell it from what an
// upstream responded.
package apierror

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Domain is the ErrorInfo domain of the gateway's own errors. What an upstream
// says under it has [UpstreamDomain] at the client: nobody else can speak as the
// gateway.
const (
	Domain         = "gateway.venta"
	UpstreamDomain = "upstream.gateway.venta"
)

// Reason is a stable, machine-readable cause (ErrorInfo.reason).
type Reason string

// The reasons of the gateway's own errors.
const (
	RouteNotFound    Reason = "ROUTE_NOT_FOUND"
	MethodNotAllowed Reason = "METHOD_NOT_ALLOWED"
	InvalidRequest   Reason = "INVALID_REQUEST"
	RequestTooLarge  Reason = "REQUEST_TOO_LARGE"
	HeadersTooLarge  Reason = "HEADERS_TOO_LARGE"
	// UnsupportedMediaType is a body of a format, or in an encoding, that is not
	// read.
	UnsupportedMediaType Reason = "UNSUPPORTED_MEDIA_TYPE"
	ResponseTooLarge     Reason = "RESPONSE_TOO_LARGE"
	PreconditionFailed   Reason = "PRECONDITION_FAILED"
	// PreconditionUnsupported is of a condition (RFC 9110, section 13) that nobody
	// could judge.
	PreconditionUnsupported Reason = "PRECONDITION_UNSUPPORTED"
	CredentialsMissing      Reason = "CREDENTIALS_MISSING"
	CredentialsInvalid      Reason = "CREDENTIALS_INVALID"
	CredentialsExpired      Reason = "CREDENTIALS_EXPIRED" // of a stream that was open when they did
	PermissionDenied        Reason = "PERMISSION_DENIED"
	// WebhookUnsigned is of a delivery that lacks what its sender must sign it by,
	// WebhookSignatureInvalid of one that no known secret has signed, and
	// WebhookTimestampInvalid of one that is too old or too new.
	WebhookUnsigned         Reason = "WEBHOOK_UNSIGNED"
	WebhookSignatureInvalid Reason = "WEBHOOK_SIGNATURE_INVALID"
	WebhookTimestampInvalid Reason = "WEBHOOK_TIMESTAMP_INVALID"
	RateLimited             Reason = "RATE_LIMITED"
	LimitsUnavailable       Reason = "RATE_LIMITS_UNAVAILABLE"
	CircuitOpen             Reason = "CIRCUIT_OPEN"
	Overloaded              Reason = "OVERLOADED"
	TimeoutExceeded         Reason = "TIMEOUT_EXCEEDED"
	UpstreamUnavailable     Reason = "UPSTREAM_UNAVAILABLE"
	UpstreamFailed          Reason = "UPSTREAM_FAILED"
	VersionGone             Reason = "VERSION_GONE"
	ShuttingDown            Reason = "SHUTTING_DOWN"
	Internal                Reason = "INTERNAL"
)

// Error is an error of the gateway itself. The zero value is not useful.
type Error struct {
	Code       codes.Code
	Reason     Reason
	Message    string // for people; never holds an upstream's internals
	HTTPStatus int    // 0: what Code maps to
	// RetryAfter, where positive, tells the client when to come back.
	RetryAfter time.Duration
	// Details are added to the ErrorInfo and RetryInfo.
	Details []protoadapt.MessageV1
	// Cause is logged and never sent.
	Cause error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Reason, e.Message, e.Cause)
	}
	return fmt.Sprintf("%s: %s", e.Reason, e.Message)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// GRPCStatus implements the interface that google.golang.org/grpc/status reads.
func (e *Error) GRPCStatus() *status.Status {
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: string(e.Reason), Domain: Domain}}
	if e.RetryAfter > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(e.RetryAfter)})
	}
	st := status.New(e.Code, e.Message)
	if with, err := st.WithDetails(append(details, e.Details...)...); err == nil {
		return with
	}
	return st // a detail that cannot be encoded must not hide the error
}

// Refused reports whether the upstream had no part in an error: the gateway itself
// turned the call away, or the request was of a form or a size that cannot be sent
// or that no upstream takes, or the response of a size that is not taken. No failure
// is charged for it, and another attempt would only meet the same.
func Refused(err error) bool {
	if err == nil {
		return false // without the allocation that errors.As needs
	}
	if _, ok := errors.AsType[*spared](err); ok {
		return true
	}
	own := As(err)
	return own != nil && own.Reason.refuses()
}

func (r Reason) refuses() bool {
	switch r {
	case CircuitOpen, RateLimited, LimitsUnavailable, Overloaded, ShuttingDown,
		InvalidRequest, RequestTooLarge, HeadersTooLarge, ResponseTooLarge:
		return true
	default: // it stands for what an upstream said, or is a program's own
		return false
	}
}

// Spare returns an error that reads as err in everything but [Refused], which is
// true of it.
func Spare(err error) error { return &spared{err} }

type spared struct{ error }

// Unwrap returns the error itself.
func (s *spared) Unwrap() error { return s.error }

// GRPCStatus is that of the error itself.
func (s *spared) GRPCStatus() *status.Status { return status.Convert(s.error) }

// As returns the gateway's own error in err's chain, or nil.
func As(err error) *Error {
	if err == nil {
		return nil // without the allocation that errors.As needs
	}
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	return nil
}
