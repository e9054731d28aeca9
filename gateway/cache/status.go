package cache

import "net/http"

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
	setField(h, cacheStatus, []string{status}, true)
}
