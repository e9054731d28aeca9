package auth

import (
	"net/http"

	"github.com/venta-hq/venta/gateway/apierror"
)

// What a policy in shadow mode would have done with a request.
const (
	// WouldUnauthenticated: it would have refused it for want of valid credentials.
	WouldUnauthenticated = "unauthenticated"
	// WouldForbidden: it would have refused its principal.
	WouldForbidden = "forbidden"
)

// shadow tells of a refusal that does not happen.
func (g *guard) shadow(r *http.Request, err error) {
	if g.options.OnShadow == nil {
		return
	}
	would := WouldUnauthenticated
	if own := apierror.As(err); own != nil && own.Reason == apierror.PermissionDenied {
		would = WouldForbidden
	}
	g.options.OnShadow(r.Context(), would)
}
