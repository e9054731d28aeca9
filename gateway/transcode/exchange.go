package transcode

import (
	"context"
	"net/http"

	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/gateway/requestctx"
	"github.com/venta-hq/venta/gateway/transcode/router"
)

// Exchange is one request on its route. It decodes the request's message when
// a policy or the call first asks for it, and only once. One goroutine uses it
// at a time.
type Exchange struct {
	Route  *Route
	Params []router.Param
	// Form tells that the request was posted as a form whose fields are the
	// query, whatever its method says.
	Form bool

	decoded bool
	message proto.Message
	err     error
	program *program // nil: the program's mux was not asked yet
}

type exchangeKey struct{}

// WithExchange returns a request that carries the exchange: see
// [requestctx.With].
func WithExchange(r *http.Request, x *Exchange) *http.Request {
	return requestctx.With(r, exchangeKey{}, x)
}

// FromContext returns the request's exchange, or nil outside of a route.
func FromContext(ctx context.Context) *Exchange {
	x, _ := ctx.Value(exchangeKey{}).(*Exchange)
	return x
}

// posted returns the request as one whose form net/http looks for in the body.
func posted(r *http.Request) *http.Request {
	as := *r
	as.Method = http.MethodPost
	return &as
}

// Message returns the request's message; r must be the exchange's request. It
// is shared by everybody who asks and must not be changed. An error says what is
// wrong with the request (INVALID_ARGUMENT) or its conditions, or that its time is
// over.
func (x *Exchange) Message(r *http.Request) (proto.Message, error) {
	return x.messageWithin(r.Context(), r)
}

// messageWithin is Message for a call whose time is that of ctx.
func (x *Exchange) messageWithin(ctx context.Context, r *http.Request) (proto.Message, error) {
	if !x.decoded {
		if x.Form {
			r = posted(r)
		}
		x.message, x.err = x.Route.decode(ctx, r, x.Params)
		x.decoded = true
	}
	return x.message, x.err
}
