package api_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/admin/api"
)

// refusedOnce is what was refused: one request of an RPC, and one of none.
func refusedOnce(most int, selected func(string) bool) (last []api.Refusal, leftOut int64) {
	for _, one := range []api.Refusal{
		{At: time.Unix(2, 0).UTC(), Method: get, Route: "GET /v1/orders/{id}", Status: 429, Policy: "rate_limits", Reason: "RATE_LIMITED", Limit: "l", Mode: "enforce", RequestID: "r2"},
		{At: time.Unix(1, 0).UTC(), Status: 404, Reason: "ROUTE_NOT_FOUND", Mode: "enforce", RequestID: "r1"},
	} {
		if len(last) < most && (selected == nil || selected(string(one.Method))) {
			last = append(last, one)
		}
	}
	return last, 7
}

func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		get := told(t)
		for path, want := range map[string]string{
			"/api/refusals":         "r2 r1",
			"/api/refusals?limit=1": "r2",
			"/api/refusals?method=shop.v1.OrderService/Get":        "r2",
			"/api/refusals?method=unrouted":                        "r1",
			"/api/refusals?method=unknown":                         "",
			"/api/refusals?limit=0":                                "400",
			"/api/refusals?limit=201":                              "400",
			"/api/refusals?limit=many":                             "400",
			"/api/refusals?limit=200&method=shop.v1.OrderService/": "",
		} {
			status, body := get(path)
			if want == "400" {
				if status != http.StatusBadRequest || !strings.Contains(body, "no number from 1 to 200") {
					t.Errorf("%s: %d %s", path, status, body)
				}
				continue
			}
			var ids []string
			for _, id := range []string{"r2", "r1"} {
				if strings.Contains(body, `"request_id": "`+id+`"`) {
					ids = append(ids, id)
				}
			}
			if got := strings.Join(ids, " "); status != http.StatusOK || got != want || !strings.Contains(body, `"left_out": 7`) {
				t.Errorf("%s: %d, want %s: %s", path, status, want, body)
			}
		}
		const unrouted = `{
   "at": "1970-01-01T00:00:01Z",
   "method": null,
   "route": null,
   "status": 404,
   "policy": null,
   "reason": "ROUTE_NOT_FOUND",
   "limit": null,
   "mode": "enforce",
   "would": null,
   "request_id": "r1",
   "trace_id": null,
   "user_hash": null,
   "user": null
  }`
		if _, body := get("/api/refusals?method=unrouted"); !strings.Contains(body, unrouted) {
			t.Error(body)
		}
	})
}
