package telemetry

import (
	"errors"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/deadline"
)

// failure is the error that a request, its call or its stream has ended with.
type failure struct {
	code   codes.Code // OK: there was none
	kind   string     // the reason of the gateway's own, else the code
	policy string     // the block that refused; "": none
	at     time.Duration
}

var panicked = failure{code: codes.Internal, kind: errorPanic}

// failureOf returns what is told of an error. One with a status of its own for HTTP, as
// grpc-gateway has it, is what it wraps.
func failureOf(err error) failure {
	if with, ok := errors.AsType[*runtime.HTTPStatusError](err); ok {
		err = with.Err
	}
	own := apierror.As(err)
	if own == nil {
		code := known(status.Code(err))
		return failure{code: code, kind: codeName(code)}
	}
	return failure{code: own.Code, kind: string(own.Reason), policy: blockOf(own)}
}

// blockOf returns the block of the policy that an error of the gateway's own is the
// refusal of, or "".
func blockOf(own *apierror.Error) string {
	switch own.Reason {
	case apierror.RateLimited, apierror.LimitsUnavailable:
		return "rate_limits"
	case apierror.CredentialsMissing, apierror.CredentialsInvalid, apierror.PermissionDenied:
		return "auth"
	case apierror.WebhookUnsigned, apierror.WebhookSignatureInvalid, apierror.WebhookTimestampInvalid:
		return "webhook"
	case apierror.CircuitOpen:
		return "circuit_breaker"
	case apierror.Overloaded:
		return "concurrency"
	case apierror.RequestTooLarge, apierror.ResponseTooLarge:
		return "limits"
	case apierror.VersionGone:
		return "version"
	case apierror.PreconditionFailed, apierror.PreconditionUnsupported:
		return "etag"
	}
	if errors.Is(own, deadline.ErrPolicy) {
		return "timeout" // its own bound, not what the upstream says
	}
	return ""
}

// event is that of a refusal, by the limit of that name, if any.
func (f failure) event(limit string) event {
	if f.policy != "rate_limits" {
		limit = ""
	}
	return event{kind: eventRefused, at: f.at, values: [4]string{f.policy, f.kind, limit}}
}
