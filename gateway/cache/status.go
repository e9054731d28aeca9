package cache

import (
	"net/http"
	"strconv"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/memory"
	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// The Cache-Status field (RFC 9211). The status of a stale response that nobody
// waited for is a hit whose ttl is negative: section 2 has "hit" and "fwd"
// exclude each other. So one in place of an upstream's failure is no hit.
const (
	cacheStatus      = "Cache-Status"
	statusHit        = "venta; hit"
	statusRevalidate = "venta; hit; detail=stale-while-revalidate"
	statusMaxStale   = "venta; hit; detail=max-stale"
	statusRemoteHit  = "venta; hit; detail=level-2"
	statusForward    = "venta; fwd="
	statusBypass     = "venta; fwd=bypass; detail=" //nolint:gosec // a name
	statusMethod     = "venta; fwd=method"
	statusNotCached  = "venta; detail=only-if-cached"
	statusFailed     = "venta; fwd=stale; fwd-status="
	paramStored      = "; stored"
	paramCollapsed   = "; collapsed"
	paramUncollapsed = "; collapsed=?0"
	paramUnchanged   = "; fwd-status=304" // the upstream has sent 304
	paramStaleError  = "; detail=stale-if-error"
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

// setAge sets Age and Cache-Status of a stored response. withTTL adds the time
// left. What hits say changes once a second and is shared until then.
func setAge(h http.Header, v *memory.Response, status string, withTTL bool, now time.Time) {
	age := int64(v.Age(now) / time.Second)
	if status != statusHit {
		setShown(h, show(age, v.Lifetime, status, withTTL))
		return
	}
	current := v.Shown(age)
	if current == nil {
		current = show(age, v.Lifetime, status, withTTL)
		v.Show(current)
	}
	setShown(h, current)
}

// show writes both fields with one string.
func show(age int64, lifetime time.Duration, status string, withTTL bool) *memory.Shown {
	var buffer [96]byte
	b := strconv.AppendInt(buffer[:0], age, 10)
	digits := len(b)
	b = append(b, status...)
	if withTTL {
		b = append(b, "; ttl="...)
		b = strconv.AppendInt(b, int64(lifetime/time.Second)-age, 10)
	}
	text := string(b)
	return &memory.Shown{Age: age, Values: [2]string{text[:digits], text[digits:]}}
}

func setShown(h http.Header, s *memory.Shown) {
	h["Age"] = s.Values[0:1:1]
	rfc9111.SetField(h, cacheStatus, s.Values[1:2:2], true)
}
