package assembly

import (
	"fmt"
	"net/http"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/internal/blame"
)

// explanations are what becomes of the errors of an RPC's calls.
type explanations struct {
	conn    blame.Conn
	limit   int64 // of the upstream's messages; 0: there is none
	exposes bool  // errors are handed on as they are
}

func (b *builder) explains() explanations {
	edge := b.env.Edge
	return explanations{conn: known(b.rpc.Conn), limit: edge.responseBound(b.rpc.Policy.Limits), exposes: edge.ExposeErrors}
}

// error returns what the client may see of an error. What was not the upstream's
// fault is [apierror.Refused], in either form.
func (e explanations) error(fault blame.Fault, err error) error {
	switch {
	case fault == blame.Upstream && e.exposes:
		return err
	case fault == blame.Upstream:
		return apierror.FromUpstream(err)
	case fault == blame.ResponseTooLarge && e.limit > 0:
		return responseTooLarge(err)
	case e.exposes:
		return apierror.Spare(err)
	}
	return own(fault, err)
}

// own returns the gateway's own error for what was not the upstream's fault.
func own(fault blame.Fault, err error) error {
	own := &apierror.Error{Code: codes.InvalidArgument} // without a cause: a client fills no log
	switch fault {
	case blame.Malformed:
		own.Reason, own.Message = apierror.InvalidRequest, "the request cannot be sent to the service: it is nested too deep, or a text or a header in it is not valid"
	case blame.RequestTooLarge:
		own.Reason, own.Message = apierror.RequestTooLarge, "the request is larger than the service takes"
		own.HTTPStatus = http.StatusRequestEntityTooLarge
	case blame.HeadersTooLarge:
		own.Reason, own.Message = apierror.HeadersTooLarge, "the request's headers are larger than the service takes"
		own.HTTPStatus = http.StatusRequestHeaderFieldsTooLarge
	case blame.ResponseTooLarge:
		return responseTooLarge(err)
	default:
		own.Code, own.Reason, own.Message, own.Cause = codes.Internal, apierror.Internal, "the request could not be sent to the service", err
		return apierror.Spare(own)
	}
	return own
}

// checked returns the error of a reply that came, but is larger than the bound.
func (e explanations) checked(reply any) error {
	if e.limit == 0 || e.limit >= receivedWhole || sizeOf(reply) <= e.limit {
		return nil
	}
	return responseTooLarge(fmt.Errorf("%d bytes, over the bound of %d", sizeOf(reply), e.limit))
}

func responseTooLarge(err error) error {
	return &apierror.Error{
		Code: codes.OutOfRange, Reason: apierror.ResponseTooLarge, Message: "the service's response is too large",
		HTTPStatus: http.StatusBadGateway, Cause: err,
	}
}
