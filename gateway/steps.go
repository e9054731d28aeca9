package gateway

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/venta-hq/venta/gateway/apiversion"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/transcode"
)

func (b *builder) version() middleware {
	p := b.policy.Version
	if p == nil {
		return nil
	}
	return b.step(apiversion.New(*p, apiversion.Options{
		Successor: func(r *http.Request) string { return expandPath(p.Successor, r) },
		OnError:   b.refuse,
		OnShadow:  b.shadow("version"),
	}))
}

// expandPath fills the route's variables into a path such as "/v2/vendors/{id}".
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

// streamEnd lets a stream end with the process.
func (b *builder) streamEnd() middleware {
	if b.gateway == nil || !b.method.Call.IsStream() {
		return nil
	}
	return b.gateway.endable
}

func (b *builder) auth() middleware {
	if b.policy.Auth == nil {
		return nil
	}
	return b.step(auth.New(*b.policy.Auth, auth.Options{
		Verifier: b.gateway.options.Verifier,
		APIKeys:  b.gateway.options.APIKeys,
		OnError:  b.refuse,
		OnShadow: b.shadow("auth"),
	}))
}
