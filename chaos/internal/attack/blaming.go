package attack

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/venta-hq/venta/chaos/internal/stage"
)

// served is what everybody else must still get.
const served = "others are served"

// attempts is more than the calls that a breaker needs to open.
const attempts = 12

// blaming are the attacks on what all share: what a client caused must open no
// breaker for others, and purge nothing.
func blaming() []Attack {
	deep := `{"name":` + strings.Repeat(`{"a":`, 4000) + `1` + strings.Repeat(`}`, 4001)
	big := `{"name":"Tacos Ada","email":"ada@example.com","description":"` + strings.Repeat("a", 499) +
		`","website":"https://ada.example.com/` + strings.Repeat("a", 1900) + `"}`
	return []Attack{
		blame("Grpc-Metadata-Connection: close", "200", http.MethodGet, "/v2/vendors/%d", "", "Grpc-Metadata-Connection: close"),
		blame("a query that is no UTF-8", "400", http.MethodGet, "/v2/vendors?page_token=%%ff&n=%d", ""),
		blame("a path that is no UTF-8", "400", http.MethodGet, "/v2/vendors/%%ff%d", ""),
		blame("a body nested 4,000 deep", "400", http.MethodPost, "/v2/vendors?n=%d", deep),
		{
			Part: "blame", Name: "a token of 5 kB, where the upstream takes 4", Expected: "431, and " + served, Short: true,
			run: func(ctx context.Context, t *target) (string, error) {
				token, err := t.Sign(ctx, "ada", strings.Repeat("a", 4<<10)) // and base64 makes it larger
				if err != nil {
					return "", err
				}
				return t.blame(ctx, http.MethodGet, "/v2/vendors/%d", "", "Authorization: Bearer "+token)
			},
		},
		blame("a message larger than the upstream takes", "429", http.MethodPost, "/v2/vendors", big),
		{
			Part: "blame", Name: "the same, where the gateway knows what it takes", Expected: "413, and " + served, Short: true,
			config: strings.Replace(plain, `"%s"}`, fmt.Sprintf(`"%%s", connection: {max_send_bytes: %d}}`, upstreamMessageBytes), 1),
			run: func(ctx context.Context, t *target) (string, error) {
				return t.blame(ctx, http.MethodPost, "/v2/vendors", big)
			},
		},
		blame("responses larger than the gateway takes", "502", http.MethodGet, "/v2/vendors/"+large+"%d", ""),
		blame("what is not there", "404", http.MethodGet, "/v2/vendors/"+missing+"%d", ""),
		{
			Part: "blame", Name: "99 % not found, 1 % unavailable", Expected: served,
			run: func(ctx context.Context, t *target) (string, error) { return t.mixed(ctx) },
		},
		{
			Part: "blame", Name: "a write that fails, while a stored response stands in", Expected: "the stored response stands in", Short: true,
			config: failingWrites,
			run:    func(ctx context.Context, t *target) (string, error) { return t.purge(ctx) },
		},
	}
}

// blame sends a request often, each time with another number, of which the last
// has the status own, and then those of somebody else.
func blame(name, own, method, path, body string, fields ...string) Attack {
	return Attack{
		Part: "blame", Name: name, Expected: own + ", and " + served, Short: true,
		run: func(ctx context.Context, t *target) (string, error) {
			return t.blame(ctx, method, path, body, fields...)
		},
	}
}

func (t *target) blame(ctx context.Context, method, path, body string, fields ...string) (string, error) {
	var got string
	for i := range attempts {
		at := path
		if strings.Contains(path, "%") {
			at = fmt.Sprintf(path, i)
		}
		a, err := t.send(ctx, method, at, body, fields...)
		if err != nil {
			return "", err
		}
		got = strconv.Itoa(a.status)
	}
	others, err := t.others(ctx)
	return got + ", and " + others, err
}

// others tells whether everybody else is served, by each kind of request.
func (t *target) others(ctx context.Context) (string, error) {
	for _, r := range []struct{ method, path, body string }{
		{http.MethodGet, "/v2/vendors/other", ""},
		{http.MethodGet, "/v2/vendors?page_token=other", ""},
		{http.MethodPost, "/v2/vendors", `{"name":"Tacos Ada","email":"ada@example.com"}`},
	} {
		a, err := t.send(ctx, r.method, r.path, r.body)
		if err != nil {
			return "", err
		}
		if a.status >= http.StatusBadRequest {
			return fmt.Sprintf("%s %s of another gets %s", r.method, r.path, a.said()), nil
		}
	}
	return served, nil
}

func (t *target) mixed(ctx context.Context) (string, error) {
	for i := range 500 {
		kind := missing
		if i%100 == 99 {
			kind = failing
		}
		a, err := t.get(ctx, fmt.Sprintf("/v2/vendors/%s%d", kind, i))
		if err != nil {
			return "", err
		}
		if strings.Contains(a.said(), "CIRCUIT_OPEN") {
			return fmt.Sprintf("the breaker opens at call %d", i), nil
		}
	}
	return t.others(ctx)
}

// failingWrites stores for a second what then stands in for a minute.
const failingWrites = plain + `
  - {methods: "venta.vendor.v2.VendorService/GetVendor", policy: {cache: {ttl: 1s, stale_if_error: 1m, key_fields: [id], audience: AUDIENCE_PUBLIC, tags: ["vendor:{id}"]}}}
`

// purge lets a stored response become stale, ends the upstream, and writes.
func (t *target) purge(ctx context.Context) (string, error) {
	if a, err := t.get(ctx, "/v2/vendors/kept"); err != nil || a.status != http.StatusOK {
		return a.said(), err
	}
	t.upstream.server.Stop()
	gone := func() (bool, error) { // else a write may have been sent, and rightly purges
		a, err := t.get(ctx, "/v2/vendors/other")
		return a.status == http.StatusServiceUnavailable, err
	}
	if err := stage.Eventually(ctx, limit/2, "the gateway has noticed that the upstream is gone", gone); err != nil {
		return "", err
	}
	for range attempts { // the first fail, then the breaker is open
		if _, err := t.send(ctx, http.MethodPatch, "/v2/vendors/kept", `{"name":"Tacos Bob"}`); err != nil {
			return "", err
		}
	}
	if err := stage.Sleep(ctx, 2*slowness+slowness); err != nil {
		return "", err
	}
	a, err := t.get(ctx, "/v2/vendors/kept")
	if err != nil || a.status != http.StatusOK {
		return a.said(), err
	}
	return "the stored response stands in", nil
}
