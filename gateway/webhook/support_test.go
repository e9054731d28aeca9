package webhook_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/webhook"
)

const (
	first  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	second = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
	body   = `{"type":"order.paid","data":{"id":"7"}}`
)

// moment is the time in these tests.
var moment = time.Unix(1_700_000_000, 0)

// receiver is a step with what has become of deliveries.
type receiver struct {
	handler  http.Handler
	outcomes []webhook.Outcome
	taken    []string // the bodies behind it
	headers  http.Header
}

func receive(t testing.TB, p policy.Webhook, secrets *webhook.Secrets, change ...func(*webhook.Options)) *receiver {
	t.Helper()
	rec := &receiver{}
	o := webhook.Options{
		Secrets: secrets, MaxBytes: 1000, Now: func() time.Time { return moment },
		OnOutcome: func(_ *http.Request, o webhook.Outcome) { rec.outcomes = append(rec.outcomes, o) },
		OnError: func(w http.ResponseWriter, _ *http.Request, err error) {
			own := apierror.As(err)
			status := own.HTTPStatus
			if status == 0 {
				status = map[bool]int{true: http.StatusUnauthorized, false: http.StatusBadRequest}[own.Code == 16]
			}
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, own.Reason)
		},
	}
	for _, c := range change {
		c(&o)
	}
	step, err := webhook.New(p, o)
	if err != nil {
		t.Fatal(err)
	}
	rec.handler = step(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil || int64(len(raw)) != r.ContentLength {
			t.Errorf("%d bytes of %d, %v", len(raw), r.ContentLength, err)
		}
		rec.taken, rec.headers = append(rec.taken, string(raw)), r.Header
	}))
	return rec
}

// send returns the status and the reason of the response.
func (rec *receiver) send(h http.Header, text string) (int, string) {
	r := httptest.NewRequest(http.MethodPost, "/hooks", strings.NewReader(text))
	r.Header = h.Clone()
	w := httptest.NewRecorder()
	rec.handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// signedBy returns the header that the reference library makes.
func signedBy(t testing.TB, prefix, id, text string, at time.Time, secrets ...string) http.Header {
	t.Helper()
	var all []string
	for _, secret := range secrets {
		sender, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := sender.Sign(id, at, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, signature)
	}
	h := http.Header{}
	h.Set(prefix+"-Id", id)
	h.Set(prefix+"-Timestamp", strconv.FormatInt(at.Unix(), 10))
	h.Set(prefix+"-Signature", strings.Join(all, " "))
	return h
}

func known(values ...string) *webhook.Secrets {
	return webhook.NewSecrets(map[string][]string{"shop": values}, nil)
}

func svix() policy.Webhook { return policy.Webhook{Scheme: policy.WebhookSvix, Secret: "shop"} }

var errMissing = errors.New("nobody makes one")
