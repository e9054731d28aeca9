package transcode

import (
	"errors"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/transcode/internal/nested"
)

// affordable returns an error for a message of the upstream whose JSON would cost the
// square of what is nested in it. Who stored it there may be a client. A marshaler
// that is not known is taken for one of JSON.
func (rt *Route) affordable(outbound runtime.Marshaler, response proto.Message) error {
	if !rt.nests {
		return nil
	}
	var types nested.Resolver = protoregistry.GlobalTypes
	switch m := outbound.(type) {
	case *runtime.ProtoMarshaller:
		return nil // it looks into no Any
	case *runtime.HTTPBodyMarshaler:
		return rt.affordable(m.Marshaler, response)
	case *runtime.JSONPb:
		if m.MarshalOptions.Resolver != nil {
			types = m.MarshalOptions.Resolver
		}
	}
	if err := nested.Check(response, types); err != nil {
		return unpresentable(err)
	}
	return nil
}

// unpresentable returns the error of a response that has come and cannot be shown.
func unpresentable(err error) error {
	if errors.Is(err, nested.ErrTooCostly) {
		return &apierror.Error{
			Code: codes.OutOfRange, Reason: apierror.ResponseTooLarge, HTTPStatus: http.StatusBadGateway,
			Message: "too much of the service's response is nested in google.protobuf.Any", Cause: err,
		}
	}
	return &apierror.Error{Code: codes.Internal, Reason: apierror.UpstreamFailed, Message: "the service's response is not valid", Cause: err}
}

// affordableError returns the error without the details of its status, where their
// JSON would cost the square of what is nested in them.
func affordableError(err error) error {
	st, ok := status.FromError(err)
	if !ok || nested.Check(st.Proto(), protoregistry.GlobalTypes) == nil {
		return err
	}
	return status.Error(st.Code(), st.Message())
}
