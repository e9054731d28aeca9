package assembly

import (
	"errors"
	"net/http"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/transcode"
	"github.com/venta-hq/venta/gateway/webhook"
)

// ErrNoWebhooks is what an RPC with a webhook is refused with on a grpc-gateway mux,
// where nothing would keep other requests from it.
var ErrNoWebhooks = errors.New("webhook: a grpc-gateway mux of a program's own cannot verify deliveries, and would hand on " +
	"everybody's; register the service on a gateway (Register<Service>Gateway)")

// requestWebhook verifies deliveries, and hands on those of other RPCs of its path.
func (b *builder) requestWebhook() Step {
	p := b.rpc.Policy.Webhook
	if p == nil {
		return nil
	}
	if b.env.Edge.DropIn {
		return made[Step](b, nil, ErrNoWebhooks)
	}
	faults := len(b.errs)
	b.shareDelivery()
	if len(b.errs) > faults {
		return nil
	}
	metrics, method, elsewhere := b.env.Telemetry.Metrics, b.rpc.Method.FullName, b.env.Elsewhere
	path := DeliveryPath(b.rpc.Bindings[0]) // it has one
	step, err := webhook.New(*p, webhook.Options{
		Secrets:   b.env.Webhooks,
		MaxBytes:  b.env.Edge.requestBound(b.rpc.Policy.Limits),
		OnError:   refuse,
		OnOutcome: func(_ *http.Request, o webhook.Outcome) { metrics.Webhook(method, string(o)) },
		Elsewhere: func(w http.ResponseWriter, r *http.Request, event string) bool {
			return elsewhere(path, w, r, event)
		},
	})
	if err != nil {
		return made[Step](b, nil, err)
	}
	return step
}

// shareDelivery holds the RPCs of one path to what is decided before it is known whose
// a delivery is.
func (b *builder) shareDelivery() {
	remembered[struct{}](b, DeliveryPath(b.rpc.Bindings[0]), "webhook", b.rpc.Policy.Delivery(), func() (*part, error) {
		return newPart(struct{}{}, nil)
	})
}

// DeliveryPath names the path of a webhook, which several RPCs may have.
func DeliveryPath(b transcode.Binding) string { return b.Verb + " " + b.Path }

// requestSender tells who has sent a delivery, as of a caller.
func (b *builder) requestSender() Step {
	if b.rpc.Policy.Webhook == nil {
		return nil
	}
	sender := auth.NewPrincipal(b.rpc.Policy.Webhook.Secret, nil, nil).WithScheme(auth.SchemeWebhook)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			telemetry.Authenticated(r.Context(), telemetry.Caller{Subject: sender.Subject})
			next.ServeHTTP(w, auth.WithPrincipal(r, &sender))
		})
	}
}
