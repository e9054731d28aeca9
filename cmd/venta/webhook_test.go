package main_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	clerkSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	nextSecret  = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
	paidSecret  = "a text that both sides know"
)

// deliver sends what the identity provider does, signed by the reference library.
func deliver(t *testing.T, c *client, secret, body string, at time.Time) response {
	t.Helper()
	sender, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := sender.Sign("msg_1", at, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return c.do(t, http.MethodPost, "/webhooks/clerk", body, "Content-Type", "application/json",
		"Svix-Id", "msg_1", "Svix-Timestamp", strconv.FormatInt(at.Unix(), 10), "Svix-Signature", signature)
}

// clerkEvent is a delivery with more than the service reads.
func clerkEvent(event, user string) string {
	return `{"object":"event","type":"` + event + `","timestamp":1716883200,"data":{"id":"` + user + `","object":"user","first_name":"Ada",
		"email_addresses":[{"id":"idn_1","email_address":"ada@example.com","verification":{"status":"verified"}}],"primary_email_address_id":"idn_1"}}`
}

// hooked is a process that takes deliveries.
type hooked struct {
	p            *process
	data, secret string // the folder, and the file with the secret
	c, ada       *client
}

func startHooked(t *testing.T) *hooked {
	t.Helper()
	h := &hooked{data: t.TempDir()}
	h.secret = writeFile(t, filepath.Join(t.TempDir(), "clerk"), clerkSecret+"\n")
	config := configFile(t, "audit: {file: "+filepath.Join(h.data, "audit.log")+"}\nwebhooks:\n  secrets:\n    clerk: {values: [{value_file: "+
		h.secret+"}, {value_file: "+writeFile(t, filepath.Join(t.TempDir(), "next"), nextSecret)+"}]}\n    subscription: {values: [{value: "+paidSecret+"}]}\n")
	h.p = start(t, "dev", "--config", config, "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", h.data)
	base := h.p.address(t, `REST on (http://\S+) `)
	h.c, h.ada = newClient(base, "", "127.0.0.2"), newClient(base, token(t, h.data, "ada"), "127.0.0.3")
	return h
}

// TestDeliveries goes the whole way: from the sender's signature to what is stored.
func TestDeliveries(t *testing.T) {
	t.Parallel()
	h := startHooked(t)
	now := time.Now()
	want := func(what string, got response, status int, reason string) {
		t.Helper()
		if got.status != status || !strings.Contains(got.body, reason) {
			t.Errorf("%s: %d %s, want %d %s", what, got.status, got.body, status, reason)
		}
	}
	for range 2 { // a repeated delivery is harmless
		want("created", deliver(t, h.c, clerkSecret, clerkEvent("user.created", "ada"), now), 204, "")
	}
	vendor := "/v2/vendors/" + createVendor(t, h.ada)
	for range 2 {
		want("paid", h.c.do(t, http.MethodPost, "/webhooks/subscription", `{"user_id":"ada","subscription_id":"s1","product":"gold","more":1}`,
			"X-Webhook-Secret", paidSecret), 204, "")
	}
	want("of an unknown type", deliver(t, h.c, nextSecret, clerkEvent("session.created", "ada"), now), 204, "")
	want("forged", deliver(t, h.c, "whsec_"+strings.Repeat("A", 32), clerkEvent("user.deleted", "ada"), now), 401, "WEBHOOK_SIGNATURE_INVALID")
	want("old", deliver(t, h.c, clerkSecret, clerkEvent("user.deleted", "ada"), now.Add(-6*time.Minute)), 401, "WEBHOOK_TIMESTAMP_INVALID")
	want("new", deliver(t, h.c, clerkSecret, clerkEvent("user.deleted", "ada"), now.Add(6*time.Minute)), 401, "WEBHOOK_TIMESTAMP_INVALID")
	want("unsigned", h.c.do(t, http.MethodPost, "/webhooks/clerk", clerkEvent("user.deleted", "ada")), 401, "WEBHOOK_UNSIGNED")
	want("by a token", h.ada.do(t, http.MethodPost, "/webhooks/clerk", clerkEvent("user.deleted", "ada")), 401, "WEBHOOK_UNSIGNED")
	want("without the secret", h.c.do(t, http.MethodPost, "/webhooks/subscription", `{"user_id":"ada","subscription_id":"s2"}`,
		"X-Webhook-Secret", paidSecret+"x"), 401, "WEBHOOK_SIGNATURE_INVALID")
	want("too large", deliver(t, h.c, clerkSecret, strings.Repeat(" ", 1<<16)+clerkEvent("user.deleted", "ada"), now), 413, "REQUEST_TOO_LARGE")
	want("without a user", deliver(t, h.c, clerkSecret, `{"type":"user.deleted"}`, now), 400, "data and user_id")
	want("the vendor stays", h.ada.do(t, http.MethodGet, vendor, "", "Cache-Control", "no-cache"), 200, "Tacos Ada")
	for range 2 {
		want("deleted", deliver(t, h.c, clerkSecret, `{"type":"user.deleted","data":{"id":"ada","deleted":true,"object":"user"}}`, now), 204, "")
	}
	if got := h.ada.do(t, http.MethodGet, "/v1/users/me/vendors", ""); strings.Contains(got.body, "Tacos Ada") {
		t.Errorf("what hung on the user is there: %s", got.body)
	}
}

// TestRotationOfAWebhooksSecret holds that a secret is replaced by its file alone, that the change is
// audited, and that nobody reads the secret anywhere.
func TestRotationOfAWebhooksSecret(t *testing.T) {
	t.Parallel()
	h := startHooked(t)
	third := "whsec_" + strings.Repeat("QUJD", 8)
	known := func(secret string) bool {
		return deliver(t, h.c, secret, clerkEvent("session.created", "ada"), time.Now()).status == http.StatusNoContent
	}
	if !known(clerkSecret) || !known(nextSecret) || known(third) {
		t.Fatal("not the secrets that are configured")
	}
	writeFile(t, h.secret, third)
	if !poll(t, waitLimit, 100*time.Millisecond, func() bool { return known(third) }) {
		t.Fatalf("the next secret is not known:\n%s", h.p.stderr)
	}
	if known(clerkSecret) || !known(nextSecret) {
		t.Error("the one that was replaced is known, or the other one is not")
	}
	log, err := os.ReadFile(filepath.Join(h.data, "audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(log), "webhooks.secrets.clerk") || !strings.Contains(string(log), "1 came, 1 went, 2 are valid") {
		t.Errorf("audit %s", log)
	}
	for _, secret := range []string{clerkSecret, nextSecret, third, paidSecret} {
		if text := string(log) + h.p.stderr.String(); strings.Contains(text, strings.TrimPrefix(secret, "whsec_")) {
			t.Errorf("a secret is shown:\n%s", text)
		}
	}
}

// TestAWebhookWithoutItsSecretStopsTheStart holds that the check says the same.
func TestAWebhookWithoutItsSecretStopsTheStart(t *testing.T) {
	t.Parallel()
	jwks := writeFile(t, filepath.Join(t.TempDir(), "keys.json"), `{"keys":[{"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8","alg":"HS256","kid":"a"}]}`)
	keys := "auth: {issuer: i, jwks_file: " + jwks + "}\n"
	subscription := "    subscription: {values: [{value: " + paidSecret + "}]}\n"
	for name, test := range map[string]struct{ config, want string }{
		"none": {keys, `secret "clerk": no value of it is configured (webhooks.secrets)`},
		"one":  {keys + "webhooks:\n  secrets:\n" + subscription, `secret "clerk": no value of it is configured (webhooks.secrets)`},
		"no key": {keys + "webhooks:\n  secrets:\n    clerk: {values: [{value: not-whsec-and-long}]}\n" + subscription,
			`secret "clerk": value 1 of 1 does not begin with "whsec_"`},
	} {
		config := configFile(t, test.config)
		for _, args := range [][]string{
			{"config", "check", config},
			{"serve", "--config", config, "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir()},
		} {
			_, stderr, code := finished(t, nil, args...)
			if code == 0 || !strings.Contains(stderr, test.want) || strings.Contains(stderr, "not-whsec") {
				t.Errorf("%s, %s: %d %s", name, args[0], code, stderr)
			}
		}
	}
}
