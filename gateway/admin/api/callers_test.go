package api_test

import (
	"strings"
	"testing"
	"testing/synctest"
)

func TestCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const want = `"since": "1970-01-01T00:00:00Z",
 "callers": [
  {
   "method": "shop.v1.OtherService/List",
   "deprecated": "1970-01-01T00:00:01Z",
   "sunset": null,
   "kind": "user_agent",
   "caller": "app/1",
   "user_agent": null,
   "requests": 2,
   "first": "1970-01-01T00:00:01Z",
   "last": "1970-01-01T00:00:02Z"
  },
  {
   "method": "shop.v1.OrderService/Get",
   "deprecated": null,
   "sunset": null,
   "kind": "unknown",
   "caller": null,
   "user_agent": null,
   "requests": 1,
   "first": "1970-01-01T00:00:01Z",
   "last": "1970-01-01T00:00:01Z"
  }
 ],
 "other": 3
}`
		if status, body := told(t)("/api/callers"); status != 200 || !strings.HasSuffix(strings.TrimSpace(body), want) {
			t.Errorf("%d %s", status, body)
		}
	})
}
