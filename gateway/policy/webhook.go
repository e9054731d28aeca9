package policy

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// secretName is how secrets are named.
var secretName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)

// IsSecretName tells whether a webhook's secret can have the name.
func IsSecretName(name string) bool { return secretName.MatchString(name) }

const mostEventBytes = 256

func (w *Webhook) limits() faults {
	var found faults
	if w.Scheme < WebhookSvix || w.Scheme > WebhookSharedSecret {
		found.add("webhook.scheme", fmt.Sprintf("%d is no scheme", w.Scheme), "write SCHEME_SVIX, SCHEME_STANDARD or SCHEME_SHARED_SECRET")
	}
	if !IsSecretName(w.Secret) {
		found.add("webhook.secret", "it names no secret", // which it may be itself
			`write a name such as "payments", of a-z, 0-9, '-' and '_', that the configuration has a secret under`)
	}
	found = append(found, w.headerLimits()...)
	return append(found, w.eventLimits()...)
}

func (w *Webhook) headerLimits() faults {
	var found faults
	switch {
	case w.Scheme != WebhookSharedSecret && w.Header != "":
		found.add("webhook.header", "the scheme says which headers are read", "remove it, or write SCHEME_SHARED_SECRET")
	case w.Scheme != WebhookSharedSecret:
	case slices.Contains([]string{"Host", "Content-Type", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Connection", "Cookie"}, w.Header):
		found.add("webhook.header", fmt.Sprintf("%q has a meaning of its own", w.Header), `write a name such as "X-Webhook-Secret"`)
	default:
		found.header("webhook.header", w.Header)
	}
	return found
}

func (w *Webhook) eventLimits() faults {
	var found faults
	switch {
	case w.EventField == "" && w.Event != "":
		found.add("webhook.event", "nothing says where the event stands", `write event_field: "type"`)
	case w.EventField != "" && w.Event == "":
		found.add("webhook.event_field", "nothing says which event the RPC takes", `write event: "order.paid"`)
	}
	if len(w.EventField) > mostEventBytes || w.EventField != "" && slices.Contains(strings.Split(w.EventField, "."), "") {
		found.add("webhook.event_field", fmt.Sprintf("%q is no path in a JSON body", w.EventField), `write names with dots between them, such as "event.name"`)
	}
	if len(w.Event) > mostEventBytes {
		found.add("webhook.event", fmt.Sprintf("%d bytes are too many", len(w.Event)), fmt.Sprintf("write at most %d", mostEventBytes))
	}
	return found
}

func (w *Webhook) rules(rpc RPC, m Method) faults {
	if rpc.streaming() {
		return faults{{"webhook", "a delivery is one request with one response", `remove it, or write "webhook: {disabled: true}"`}}
	}
	found := w.routeRules(rpc)
	if rpc.Idempotency != Idempotent {
		found.add("webhook", "every sender repeats deliveries, and the RPC does not say that a second one does no harm",
			`write "option idempotency_level = IDEMPOTENT", and see to it in the service`)
	}
	if m.authenticates() {
		found.add("webhook", "the RPC has auth, too, and who delivers has no credentials but the signature",
			`write "auth: {disabled: true}" on the RPC, or remove this`)
	}
	if m.Etag != nil {
		found.add("webhook", "the RPC has an etag, too, and nobody signs If-Match", `write "etag: {disabled: true}" on the RPC, or remove this`)
	}
	if m.Forward != nil && w.Header != "" && slices.Contains(m.Forward.Headers, w.Header) {
		found.add("webhook.header", "forward.headers hands the secret on", "remove it there")
	}
	return found
}

// routeRules keep out of the request what no signature covers: the path and the query.
func (w *Webhook) routeRules(rpc RPC) faults {
	var found faults
	for i, route := range rpc.Routes {
		switch {
		case route.Verb != http.MethodPost:
			found.add(entry("routes", i), "a webhook is delivered by POST, and this is "+route.Verb, "write post, or remove the webhook")
		case route.Body != "*":
			found.add(entry("routes", i), "a webhook's request is its body, for nothing else is signed", `write body: "*"`)
		case len(route.Variables) > 0:
			found.add(entry("routes", i), "a webhook's path has no variables, for nobody signs it", "remove them, and give each sender a path and a secret")
		case i > 0:
			found.add(entry("routes", i), "a webhook has one route", "remove this one")
		}
	}
	return found
}

// Delivery is what RPCs of one path have in common, so that it can be decided before
// it is known which of them a delivery is for.
type Delivery struct {
	Webhook    Webhook // without the event
	Limits     *Limits
	Version    *Version
	RateLimits []RateLimit // by the connection
}

// Delivery returns what an RPC with a webhook must have in common with others of its
// path.
func (m Method) Delivery() Delivery {
	d := Delivery{Webhook: *m.Webhook, Limits: m.Limits, Version: m.Version}
	d.Webhook.Event = ""
	for _, limit := range m.RateLimits {
		if limit.ByConnection() {
			d.RateLimits = append(d.RateLimits, limit)
		}
	}
	return d
}

// ApartFrom returns what keeps two RPCs with webhooks from having one path, or "".
func (m Method) ApartFrom(other Method) string {
	mine, theirs := m.Delivery(), other.Delivery()
	switch {
	case m.Webhook.Event == "" || other.Webhook.Event == "":
		return "one of them takes every delivery of the path; name an event_field and an event in both"
	case m.Webhook.Event == other.Webhook.Event:
		return fmt.Sprintf("both take the event %q", m.Webhook.Event)
	case !Equal(mine.Webhook, theirs.Webhook):
		return "their webhooks differ in more than the event"
	case !Equal(mine.Limits, theirs.Limits):
		return "their limits differ, which hold before it is known whose a delivery is"
	case !Equal(mine.Version, theirs.Version):
		return "their versions differ, of which a response tells before it is known whose a delivery is"
	case !Equal(mine.RateLimits, theirs.RateLimits):
		return "their rate limits by the connection differ, which are counted before it is known whose a delivery is"
	default:
		return ""
	}
}
