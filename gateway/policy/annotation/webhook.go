package annotation

import (
	"cmp"
	"net/textproto"

	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

const webhookIsTheGuard = "what the block says is all that keeps others from the route, and the sender has the URL"

// defaultSecretHeader has the secret of SCHEME_SHARED_SECRET.
const defaultSecretHeader = "X-Webhook-Secret" //nolint:gosec // a header's name

func (d *decoder) webhook(w *policyv1.Webhook) *policy.Webhook {
	if w == nil || w.GetDisabled() {
		return nil
	}
	read := &policy.Webhook{
		Secret:     w.GetSecret(),
		EventField: w.GetEventField(),
		Event:      w.GetEvent(),
		Header:     textproto.CanonicalMIMEHeaderKey(w.GetHeader()),
	}
	switch w.GetScheme() {
	case policyv1.Webhook_SCHEME_SVIX:
		read.Scheme = policy.WebhookSvix
	case policyv1.Webhook_SCHEME_STANDARD:
		read.Scheme = policy.WebhookStandard
	case policyv1.Webhook_SCHEME_SHARED_SECRET:
		read.Scheme = policy.WebhookSharedSecret
		read.Header = cmp.Or(read.Header, defaultSecretHeader)
	case policyv1.Webhook_SCHEME_UNSPECIFIED:
		read.Header = "" // one fault is enough
		d.missing("webhook.scheme", "write SCHEME_SVIX, SCHEME_STANDARD or SCHEME_SHARED_SECRET")
	}
	return read
}

func encodeWebhook(w *policy.Webhook) *policyv1.Webhook {
	if w == nil {
		return nil
	}
	return &policyv1.Webhook{
		Scheme:     (policyv1.Webhook_Scheme(w.Scheme) + policyv1.Webhook_SCHEME_SVIX).Enum(),
		Secret:     set(w.Secret),
		EventField: set(w.EventField),
		Event:      set(w.Event),
		Header:     set(w.Header),
		Mode:       mode(false),
	}
}
