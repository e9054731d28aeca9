package webhook_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/webhook"
)

func TestSignedDeliveries(t *testing.T) {
	for prefix, scheme := range map[string]policy.WebhookScheme{"Svix": policy.WebhookSvix, "Webhook": policy.WebhookStandard} {
		rec := receive(t, policy.Webhook{Scheme: scheme, Secret: "shop"}, known(first))
		for _, text := range []string{body, "", "no JSON", `{"ä":"😀"}`} {
			if status, _ := rec.send(signedBy(t, prefix, "msg_1", text, moment, first), text); status != http.StatusOK {
				t.Errorf("%s %q: status %d", prefix, text, status)
			}
		}
		if got := rec.taken; !slices.Equal(got, []string{body, "", "no JSON", `{"ä":"😀"}`}) {
			t.Errorf("%s: %q is behind it", prefix, got)
		}
		other := map[string]string{"Svix": "Webhook", "Webhook": "Svix"}[prefix]
		if status, reason := rec.send(signedBy(t, other, "msg_1", body, moment, first), body); status != 401 || reason != "WEBHOOK_UNSIGNED" {
			t.Errorf("%s: the headers of another scheme get %d %s", prefix, status, reason)
		}
	}
}

// TestKnownVector holds that an implementation of ours in both directions would not
// agree with itself alone: the example is of the standard's text.
func TestKnownVector(t *testing.T) {
	text := `{"test": 2432232314}`
	h := http.Header{
		"Webhook-Id":        {"msg_p5jXN8AQM9LWM0D4loKWxJek"},
		"Webhook-Timestamp": {"1614265330"},
		"Webhook-Signature": {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
	}
	at := time.Unix(1614265330, 0)
	rec := receive(t, policy.Webhook{Scheme: policy.WebhookStandard, Secret: "shop"}, known(first),
		func(o *webhook.Options) { o.Now = func() time.Time { return at } })
	if status, reason := rec.send(h, text); status != http.StatusOK {
		t.Errorf("%d %s", status, reason)
	}
}

// TestOneBitIsEnough changes each bit of each part of a delivery in its turn.
func TestOneBitIsEnough(t *testing.T) {
	rec := receive(t, svix(), known(first))
	h := signedBy(t, "Svix", "msg_1", body, moment, first)
	changed := func(text string, bit int) string {
		raw := []byte(text)
		raw[bit/8] ^= 1 << (bit % 8)
		return string(raw)
	}
	refused := func(h http.Header, text, what string) {
		if status, _ := rec.send(h, text); status != http.StatusUnauthorized {
			t.Errorf("%s: status %d", what, status)
		}
	}
	for bit := range len(body) * 8 {
		refused(h, changed(body, bit), "body")
	}
	for _, name := range []string{"Svix-Id", "Svix-Timestamp", "Svix-Signature"} {
		for bit := range len(h.Get(name)) * 8 {
			with := h.Clone()
			with[name] = []string{changed(h.Get(name), bit)}
			refused(with, body, name)
		}
	}
	for _, text := range []string{body + " ", body[:len(body)-1], ""} {
		refused(h, text, "length")
	}
	if len(rec.taken) > 0 {
		t.Errorf("%q is behind it", rec.taken)
	}
	if status, _ := rec.send(h, body); status != http.StatusOK {
		t.Errorf("unchanged: %d", status)
	}
}

func TestHeaders(t *testing.T) {
	good := signedBy(t, "Svix", "msg_1", body, moment, first)
	signature := good.Get("Svix-Signature")
	tests := []struct {
		name   string
		change func(http.Header)
		reason string // "": it is taken
	}{
		{"no id", func(h http.Header) { h.Del("Svix-Id") }, "WEBHOOK_UNSIGNED"},
		{"no time", func(h http.Header) { h.Del("Svix-Timestamp") }, "WEBHOOK_UNSIGNED"},
		{"no signature", func(h http.Header) { h.Del("Svix-Signature") }, "WEBHOOK_UNSIGNED"},
		{"empty", func(h http.Header) { h.Set("Svix-Signature", "") }, "WEBHOOK_UNSIGNED"},
		{"two ids", func(h http.Header) { h.Add("Svix-Id", "msg_2") }, "WEBHOOK_UNSIGNED"},
		{"id with a dot", func(h http.Header) { h.Set("Svix-Id", "msg.1") }, "WEBHOOK_UNSIGNED"},
		{"id too long", func(h http.Header) { h.Set("Svix-Id", strings.Repeat("a", 257)) }, "WEBHOOK_UNSIGNED"},
		{"time with a sign", func(h http.Header) { h.Set("Svix-Timestamp", "+1700000000") }, "WEBHOOK_UNSIGNED"},
		{"time as words", func(h http.Header) { h.Set("Svix-Timestamp", "now") }, "WEBHOOK_UNSIGNED"},
		{"time with a zero in front", func(h http.Header) { h.Set("Svix-Timestamp", "01700000000") }, "WEBHOOK_SIGNATURE_INVALID"},
		{"another version", func(h http.Header) { h.Set("Svix-Signature", strings.Replace(signature, "v1,", "v1a,", 1)) }, "WEBHOOK_SIGNATURE_INVALID"},
		{"no version", func(h http.Header) { h.Set("Svix-Signature", strings.TrimPrefix(signature, "v1,")) }, "WEBHOOK_SIGNATURE_INVALID"},
		{"no base64", func(h http.Header) { h.Set("Svix-Signature", "v1,*") }, "WEBHOOK_SIGNATURE_INVALID"},
		{"a part of it", func(h http.Header) { h.Set("Svix-Signature", signature[:20]) }, "WEBHOOK_SIGNATURE_INVALID"},
		{"behind 16 others", func(h http.Header) {
			h.Set("Svix-Signature", strings.Repeat("v1,"+strings.Repeat("A", 43)+"= ", 16)+signature)
		}, "WEBHOOK_SIGNATURE_INVALID"},
		{"behind others", func(h http.Header) {
			h.Set("Svix-Signature", "v1a,x v2,"+strings.Repeat("A", 43)+"= v1,short  v1,"+strings.Repeat("A", 43)+"= "+signature)
		}, ""},
		{"encoded", func(h http.Header) { h.Set("Content-Encoding", "gzip") }, "UNSUPPORTED_MEDIA_TYPE"},
		{"identity", func(h http.Header) { h.Set("Content-Encoding", "Identity") }, ""},
	}
	for _, test := range tests {
		rec := receive(t, svix(), known(first))
		h := good.Clone()
		test.change(h)
		if _, reason := rec.send(h, body); reason != test.reason || (len(rec.taken) == 1) != (reason == "") {
			t.Errorf("%s: %q, want %q; behind it %q", test.name, reason, test.reason, rec.taken)
		}
	}
}

func TestWindow(t *testing.T) {
	rec := receive(t, svix(), known(first))
	for seconds, want := range map[int]string{
		-300: "", 300: "", 0: "", -301: "WEBHOOK_TIMESTAMP_INVALID", 301: "WEBHOOK_TIMESTAMP_INVALID", -1 << 30: "WEBHOOK_TIMESTAMP_INVALID",
	} {
		h := signedBy(t, "Svix", "msg_1", body, moment.Add(time.Duration(seconds)*time.Second), first)
		if _, reason := rec.send(h, body); reason != want {
			t.Errorf("%d seconds: %q, want %q", seconds, reason, want)
		}
	}
}

func TestSharedSecret(t *testing.T) {
	const secret = "a text of some length"
	p := policy.Webhook{Scheme: policy.WebhookSharedSecret, Secret: "shop", Header: "X-Webhook-Secret"}
	rec := receive(t, p, known("another text of some length", secret))
	for value, want := range map[string]string{
		secret: "", secret[1:]: "WEBHOOK_SIGNATURE_INVALID", secret + " ": "WEBHOOK_SIGNATURE_INVALID",
		"": "WEBHOOK_UNSIGNED", strings.Repeat("a", 5000): "WEBHOOK_UNSIGNED",
	} {
		if _, reason := rec.send(http.Header{"X-Webhook-Secret": {value}}, body); reason != want {
			t.Errorf("%.30q: %q, want %q", value, reason, want)
		}
	}
	if rec.headers.Get("X-Webhook-Secret") != "" {
		t.Error("the secret is handed on")
	}
}

func TestEvents(t *testing.T) {
	p := svix()
	p.EventField, p.Event = "meta.kind", "paid"
	var elsewhere []string
	rec := receive(t, p, known(first), func(o *webhook.Options) {
		o.Elsewhere = func(_ http.ResponseWriter, _ *http.Request, event string) bool {
			elsewhere = append(elsewhere, event)
			return event == "refunded"
		}
	})
	for _, test := range []struct {
		text   string
		status int
		want   []webhook.Outcome
	}{
		{`{"meta":{"kind":"paid"}}`, 200, []webhook.Outcome{webhook.Accepted}},
		{`{"meta":{"kind":"refunded"}}`, 200, nil}, // of which another tells
		{`{"meta":{"kind":"new"}}`, 204, []webhook.Outcome{webhook.Unmatched}},
		{`{"meta":{"kind":7}}`, 204, []webhook.Outcome{webhook.Unmatched}},
		{`{"meta":{"Kind":"paid"}}`, 204, []webhook.Outcome{webhook.Unmatched}},
		{`{"meta":"paid"}`, 204, []webhook.Outcome{webhook.Unmatched}},
		{`{"meta":null}`, 204, []webhook.Outcome{webhook.Unmatched}},
		{`{}`, 204, []webhook.Outcome{webhook.Unmatched}},
		{`[]`, 400, []webhook.Outcome{webhook.Malformed}},
		{`null`, 400, []webhook.Outcome{webhook.Malformed}},
		{``, 400, []webhook.Outcome{webhook.Malformed}},
		{`{"meta":{"kind":"paid"}`, 400, []webhook.Outcome{webhook.Malformed}},
		{`{"meta":{"kind":"paid"}}{}`, 400, []webhook.Outcome{webhook.Malformed}},
		{`kind=paid`, 400, []webhook.Outcome{webhook.Malformed}},
	} {
		rec.outcomes = nil
		status, _ := rec.send(signedBy(t, "Svix", "msg_1", test.text, moment, first), test.text)
		if status != test.status || !slices.Equal(rec.outcomes, test.want) {
			t.Errorf("%s: %d %v, want %d %v", test.text, status, rec.outcomes, test.status, test.want)
		}
	}
	rec.outcomes, elsewhere = nil, nil
	if status, _ := rec.send(signedBy(t, "Svix", "msg_1", `{"meta":{"kind":"new"}}`, moment, second), `{"meta":{"kind":"new"}}`); status != 401 ||
		!slices.Equal(rec.outcomes, []webhook.Outcome{webhook.Forged}) || elsewhere != nil {
		t.Errorf("what nobody has signed is acknowledged: %d %v %v", status, rec.outcomes, elsewhere)
	}
}

func TestBodiesAreBounded(t *testing.T) {
	rec := receive(t, svix(), known(first))
	for _, n := range []int{1000, 1001} {
		text := strings.Repeat("a", n)
		status, reason := rec.send(signedBy(t, "Svix", "msg_1", text, moment, first), text)
		if want := map[int]int{1000: 200, 1001: 413}[n]; status != want {
			t.Errorf("%d bytes: %d %s", n, status, reason)
		}
	}
}

func TestAnUnauthenticatedResponseNamesAScheme(t *testing.T) {
	rec := receive(t, svix(), known(first))
	w := recorded(rec, http.Header{}, body)
	if w.Header().Get("WWW-Authenticate") != "Webhook" {
		t.Errorf("header %v", w.Header())
	}
}
