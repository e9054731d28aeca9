package cache

import (
	"net/http"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// The Cache-Status field (RFC 9211).
const (
	cacheStatus      = "Cache-Status"
	statusHit        = "venta; hit"
	statusForward    = "venta; fwd="
	statusBypass     = "venta; fwd=bypass; detail="
	statusMethod     = "venta; fwd=method"
	statusNotCached  = "venta; detail=only-if-cached"
	paramStored      = "; stored"
	paramCollapsed   = "; collapsed"
	paramUncollapsed = "; collapsed=?0"
)

// Why a request goes to the upstream.
const (
	uriMiss   = "uri-miss"
	varyMiss  = "vary-miss"
	stale     = "stale"
	byRequest = "request"
)

func addStatus(h http.Header, status string) {
	rfc9111.SetField(h, cacheStatus, []string{status}, true)
}
