// Package fault builds the errors of the services: gRPC statuses with a
// google.rpc.ErrorInfo of [Domain] and, where there is more to say, the detail
// that AIP-193 names for it. Every error that is not one of these is an
// internal one; its text never leaves the process.
package fault

import (
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
)

// Domain is the ErrorInfo domain of the services' errors. The gateway's own
// errors have another, so that both can be told apart.
const Domain = "services.venta"

// The reasons (ErrorInfo.reason) of the services' errors, which are stable.
const (
	ReasonNotFound        = "NOT_FOUND"
	ReasonInvalidArgument = "INVALID_ARGUMENT"
	ReasonUnauthenticated = "UNAUTHENTICATED"
	ReasonRoleMissing     = "ROLE_MISSING"
	ReasonTooMany         = "TOO_MANY"
	ReasonChanged         = "CHANGED"
	ReasonBusy            = "BUSY"
	ReasonExists          = "ALREADY_EXISTS"
	// ReasonStoreUnavailable: what was written may or may not be, where the
	// connection broke while it was being committed.
	ReasonStoreUnavailable = "STORE_UNAVAILABLE"
	// ReasonResponseTooLarge is what gateways know, too: they charge nobody for it.
	ReasonResponseTooLarge = "RESPONSE_TOO_LARGE"
	ReasonInternal         = "INTERNAL"
)

// NotFound says that there is no such thing, or none that the caller may know of.
func NotFound(what string) error {
	return fault(codes.NotFound, ReasonNotFound, what+" not found")
}

// Changed says that the caller knows another version of a thing than there is.
func Changed(what string) error {
	return fault(codes.Aborted, ReasonChanged, what+" was changed since it was read; read it again")
}

// Invalid refuses one field of the request. The field is a path in the request
// message.
func Invalid(field, description string) error {
	return InvalidFields(field+": "+description, &errdetails.BadRequest_FieldViolation{
		Field: field, Description: description,
	})
}

// InvalidFields refuses a request for several reasons at once.
func InvalidFields(message string, violations ...*errdetails.BadRequest_FieldViolation) error {
	return fault(codes.InvalidArgument, ReasonInvalidArgument, message,
		&errdetails.BadRequest{FieldViolations: violations})
}

// Unauthenticated refuses a caller that has not said who it is.
func Unauthenticated(message string) error {
	return fault(codes.Unauthenticated, ReasonUnauthenticated, message)
}

// RoleMissing refuses a caller that is known but may not do this.
func RoleMissing() error {
	return fault(codes.PermissionDenied, ReasonRoleMissing, "the caller may not do this")
}

// TooMany refuses a request whose response would be larger than the bound. The
// advice says what to request instead. A later attempt would not help, which is
// why this is no RESOURCE_EXHAUSTED.
func TooMany(subject, advice string) error {
	return fault(codes.FailedPrecondition, ReasonTooMany, advice, &errdetails.PreconditionFailure{
		Violations: []*errdetails.PreconditionFailure_Violation{
			{Type: ReasonTooMany, Subject: subject, Description: advice},
		},
	})
}

// ResponseTooLarge says that a response was larger than callers take. Where that
// can be known before, TooMany says what to request instead.
func ResponseTooLarge() error {
	return fault(codes.OutOfRange, ReasonResponseTooLarge, "the response is too large")
}

// Busy says that the same request may succeed later.
func Busy() error {
	return fault(codes.Unavailable, ReasonBusy, "the service is busy")
}

// Exists says that there is such a thing already.
func Exists() error {
	return fault(codes.AlreadyExists, ReasonExists, "it exists already")
}

// StoreUnavailable says that the service cannot reach its data, or cannot write.
// The cause is for those who operate it: see [Cause].
func StoreUnavailable(cause error) error {
	return &caused{fault(codes.Unavailable, ReasonStoreUnavailable, "the service cannot reach its data; try again later"), cause}
}

// Cause returns what is behind an error and is not for the caller, or nil.
func Cause(err error) error {
	if with, ok := errors.AsType[*caused](err); ok {
		return with.cause
	}
	return nil
}

// caused is a status with what is behind it. Its text is the status's alone.
type caused struct{ status, cause error }

// Error implements error.
func (c *caused) Error() string { return c.status.Error() }

// GRPCStatus is what a caller gets.
func (c *caused) GRPCStatus() *status.Status { return status.Convert(c.status) }

// Internal is what a caller sees of an internal error.
func Internal() error {
	return fault(codes.Internal, ReasonInternal, "internal error")
}

func fault(code codes.Code, reason, message string, details ...protoadapt.MessageV1) error {
	info := &errdetails.ErrorInfo{Reason: reason, Domain: Domain}
	st := status.New(code, message)
	if with, err := st.WithDetails(append([]protoadapt.MessageV1{info}, details...)...); err == nil {
		return with.Err()
	}
	return st.Err() // a detail that cannot be encoded must not hide the error
}
