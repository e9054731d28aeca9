package gateway

import "net/http"

// WriteError writes an error as the gateway presents its own: see [apierror.Error].
// It is for middleware and handlers of a program's own.
func (g *Gateway) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	g.edge.WriteError(w, r, err)
}
