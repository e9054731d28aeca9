package webhook_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/webhook"
)

func recorded(rec *receiver, h http.Header, text string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/hooks", strings.NewReader(text))
	r.Header = h.Clone()
	w := httptest.NewRecorder()
	rec.handler.ServeHTTP(w, r)
	return w
}

// TestRotation goes through the replacement of a secret, at both ends.
func TestRotation(t *testing.T) {
	secrets := known(first)
	rec := receive(t, svix(), secrets)
	taken := func(want bool, by ...string) {
		t.Helper()
		status, _ := rec.send(signedBy(t, "Svix", "msg_1", body, moment, by...), body)
		if (status == http.StatusOK) != want {
			t.Errorf("status %d, want taken: %v", status, want)
		}
	}
	taken(true, first)
	taken(false, second)
	taken(true, second, first) // as a sender signs for some time after it has the next one
	if err := secrets.Replace(map[string][]string{"shop": {first, second}}); err != nil {
		t.Fatal(err)
	}
	taken(true, first)
	taken(true, second)
	if err := secrets.Replace(map[string][]string{"shop": {second}}); err != nil {
		t.Fatal(err)
	}
	taken(false, first)
	taken(true, second)
	for _, wrong := range []map[string][]string{nil, {"shop": {}}, {"shop": {first, "short"}}, {"other": {first}}} {
		if secrets.Check(wrong) == nil || secrets.Replace(wrong) == nil {
			t.Errorf("%v is taken", wrong)
		}
	}
	taken(true, second)
	taken(false, first)
}

func TestSecretsThatCannotBeUsed(t *testing.T) {
	shared := policy.Webhook{Scheme: policy.WebhookSharedSecret, Secret: "shop", Header: "X-Secret"}
	for _, test := range []struct {
		p      policy.Webhook
		values []string
		want   string // "": it can
	}{
		{svix(), nil, "no value of it is configured"},
		{svix(), []string{"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, `does not begin with "whsec_"`},
		{svix(), []string{first, "whsec_*"}, "value 2 of 2 is no base64"},
		{svix(), []string{"whsec_AAAA"}, "has 3 bytes"},
		{svix(), []string{first, first, first, first, first, first, first, first, first}, "it has 9 values"},
		{shared, []string{"short"}, "has 5 bytes"},
		{shared, []string{"0123456789abcdef"}, ""},
	} {
		_, err := webhook.New(test.p, webhook.Options{Secrets: known(test.values...), MaxBytes: 1, OnError: func(http.ResponseWriter, *http.Request, error) {}})
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v, want %q", test.values, err, test.want)
		}
		for _, value := range test.values {
			if err != nil && strings.Contains(err.Error(), value) {
				t.Errorf("the error shows a secret: %v", err)
			}
		}
	}
}

func TestMissingSecretsAreMade(t *testing.T) {
	made := func(name string) (string, error) {
		if name != "shop" {
			return "", errMissing
		}
		return second, nil
	}
	secrets := webhook.NewSecrets(nil, made)
	rec := receive(t, svix(), secrets)
	if status, _ := rec.send(signedBy(t, "Svix", "msg_1", body, moment, second), body); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	other := svix()
	other.Secret = "other"
	_, err := webhook.New(other, webhook.Options{Secrets: secrets, MaxBytes: 1, OnError: func(http.ResponseWriter, *http.Request, error) {}})
	if !errors.Is(err, errMissing) {
		t.Errorf("error %v", err)
	}
}

// FuzzHeaders holds that we take what the reference library takes, and nothing else but
// what our stricter reading leaves out.
func FuzzHeaders(f *testing.F) {
	good := signedBy(f, "Webhook", "msg_1", body, moment, first)
	f.Add("msg_1", good.Get("Webhook-Timestamp"), good.Get("Webhook-Signature"), body)
	f.Add("msg_1", "1700000000", "v1,", "")
	f.Add("msg_1", "-1", "v1,a v1,b", body)
	f.Add("a.b", "+1700000000", "v1a,x "+good.Get("Webhook-Signature"), body)
	rec := receive(f, policy.Webhook{Scheme: policy.WebhookStandard, Secret: "shop"}, known(first), func(o *webhook.Options) { o.MaxBytes = 1 << 20 })
	oracle, err := standardwebhooks.NewWebhook(first)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, id, timestamp, signature, text string) {
		h := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {timestamp}, "Webhook-Signature": {signature}}
		status, _ := rec.send(h, text)
		if status == http.StatusOK && oracle.VerifyIgnoringTimestamp([]byte(text), h) != nil {
			t.Errorf("taken, and the library refuses it: %v %q", h, text)
		}
	})
}
