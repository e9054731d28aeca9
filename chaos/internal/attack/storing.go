package attack

import (
	"context"
	"net/http"
	"strings"
)

// storing are the attacks on what is stored: lost updates, and responses that are
// for one caller.
func storing() []Attack {
	return []Attack{
		{
			Part: "stored", Name: "If-Match of an old version, on a write", Expected: "412", Short: true,
			run: func(ctx context.Context, t *target) (string, error) {
				a, err := t.send(ctx, http.MethodPatch, "/v2/vendors/1", `{"name":"Tacos Bob"}`, `If-Match: "old"`)
				status, _, _ := strings.Cut(a.said(), " ")
				return status, err
			},
		},
		{
			Part: "stored", Name: "If-Match where there is no version", Expected: "400 PRECONDITION_UNSUPPORTED", Short: true,
			run: func(ctx context.Context, t *target) (string, error) {
				a, err := t.send(ctx, http.MethodPost, "/v2/vendors", `{"name":"Tacos Ada","email":"ada@example.com"}`, `If-Match: "old"`)
				return a.said(), err
			},
		},
		{
			Part: "stored", Name: "If-Unmodified-Since on a write", Expected: "400 PRECONDITION_UNSUPPORTED", Short: true,
			run: func(ctx context.Context, t *target) (string, error) {
				a, err := t.send(ctx, http.MethodPost, "/v2/vendors", `{"name":"Tacos Ada","email":"ada@example.com"}`,
					"If-Unmodified-Since: Thu, 01 Jan 2026 00:00:00 GMT")
				return a.said(), err
			},
		},
		{
			Part: "stored", Name: "what is for one caller, through a shared cache", Expected: "private", Short: true, config: forOneCaller,
			run: func(ctx context.Context, t *target) (string, error) {
				a, err := t.get(ctx, "/v2/vendors/1")
				return visibility(a.header), err
			},
		},
		{
			Part: "stored", Name: "two tokens of one subject with different scopes", Expected: "each has a response of its own", Short: true,
			config: forOneCaller,
			run:    func(ctx context.Context, t *target) (string, error) { return t.twoTokens(ctx) },
		},
	}
}

// forOneCaller stores responses for each caller apart.
const forOneCaller = plain + `
  - {methods: "venta.vendor.v2.VendorService/GetVendor", policy: {cache: {ttl: 1m, key_fields: [id], audience: AUDIENCE_PRINCIPAL}}}
`

// visibility is what a response says of caches that others share.
func visibility(h http.Header) string {
	for _, word := range []string{"no-store", "private", "public"} {
		if strings.Contains(h.Get("Cache-Control"), word) {
			return word
		}
	}
	return "nothing"
}

func (t *target) twoTokens(ctx context.Context) (string, error) {
	const path = "/v2/vendors/1"
	for range 2 {
		if _, err := t.get(ctx, path); err != nil {
			return "", err
		}
	}
	token, err := t.Sign(ctx, "ada", "vendors.read")
	if err != nil {
		return "", err
	}
	a, err := t.get(ctx, path, "Authorization: Bearer "+token)
	if err != nil {
		return "", err
	}
	if strings.Contains(a.header.Get("Cache-Status"), "hit") {
		return "the second has the first one's response", nil
	}
	return "each has a response of its own", nil
}
