package assembly

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/venta-hq/venta/gateway/apiversion"
	"github.com/venta-hq/venta/gateway/transcode"
)

// requestVersion tells of the version's end, and refuses behind it.
func (b *builder) requestVersion() Step {
	p := b.rpc.Policy.Version
	if p == nil {
		return nil
	}
	successor := p.Successor
	step, err := apiversion.New(*p, apiversion.Options{
		Successor: func(r *http.Request) string { return expandPath(successor, r) },
		OnError:   refuse,
		OnShadow:  b.onShadow("version"),
	})
	return made(b, step, err)
}

// expandPath fills the route's variables into a path such as "/v1/orders/{id}".
func expandPath(path string, r *http.Request) string {
	x := transcode.FromContext(r.Context())
	if x == nil || !strings.Contains(path, "{") {
		return path
	}
	for _, p := range x.Params {
		path = strings.ReplaceAll(path, "{"+p.FieldPath+"}", url.PathEscape(p.Value))
	}
	return path
}
