package api_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

// TestObjectives: of 60 requests 3 failed, and no success was slow.
func TestObjectives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status, body := told(t)("/api/objectives")
		for _, want := range []string{`"since": "2000-01-01T00:00:00Z",
 "objectives": [
  {
   "method": "shop.v1.OrderService/Get",
   "mode": "enforce",
   "kind": "errors",
   "window_seconds": 604800,
   "promise": {
    "percent": 10
   },
   "since": "2000-01-01T00:00:00Z",
   "requests": 60,
   "bad": 3,
   "remaining": 0.5,
   "measured": true
  },
  {
   "method": "shop.v1.OrderService/Get",
   "mode": "enforce",
   "kind": "latency",
   "window_seconds": 604800,
   "promise": {
    "latency": 0.1,
    "percentile": 95
   },
   "since": "2000-01-01T00:00:00Z",
   "requests": 54,
   "bad": 0,
   "remaining": 1,
   "measured": true
  },
  {
   "method": "shop.v1.OtherService/List",
   "mode": "shadow",
   "kind": "errors",
`, `
   "requests": 0,
   "bad": 0,
   "remaining": null,
   "measured": true
  }
 ]
}`} {
			if status != http.StatusOK || !strings.Contains(body, want) {
				t.Errorf("%d %s", status, body)
			}
		}
	})
}
