// Package webhook takes what other systems deliver: it verifies who has sent a
// delivery over its body as it was sent, before anything of it is believed, and finds
// out which event it tells of.
//
// Deliveries are signed as Svix and Standard Webhooks do (HMAC-SHA256 of id, time and
// body), or have a shared secret in a header. Several values of a secret are valid at
// once, so that it can be replaced while deliveries come: see [Secrets].
//
// Nothing is remembered of deliveries. A sender repeats one until it is acknowledged,
// also where its service has long done what it asks: whoever takes it must bear a
// second one. Within [Tolerance] anybody who has seen a signed delivery can repeat it,
// unchanged.
package webhook

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
)

// Outcome is what became of a delivery.
type Outcome string

// The outcomes.
const (
	Accepted  Outcome = "accepted"  // by an RPC of the path
	Unmatched Outcome = "unmatched" // it was verified, and its event is nobody's
	Unsigned  Outcome = "unsigned"  // a header is missing, or malformed
	Stale     Outcome = "stale"     // it is older or newer than Tolerance
	Forged    Outcome = "forged"    // no secret has signed it
	Malformed Outcome = "malformed" // it was verified, and cannot be read
)

// Options is what the check needs beside its policy.
type Options struct {
	// Secrets are the values of secrets. Required.
	Secrets *Secrets
	// MaxBytes bounds a body. Required.
	MaxBytes int64
	// OnError writes the response to a refused delivery; err is an [*apierror.Error]. It
	// may run concurrently. Required.
	OnError func(w http.ResponseWriter, r *http.Request, err error)
	// OnOutcome, where set, is told what became of a delivery, before the response is
	// written. Of one that another RPC of the path takes, nobody is told here.
	OnOutcome func(r *http.Request, o Outcome)
	// Elsewhere serves a delivery that was verified by the RPC of the path that takes
	// its event, and reports whether there is one. Default: there is none.
	Elsewhere func(w http.ResponseWriter, r *http.Request, event string) bool
	// Now tells the time. Default: time.Now.
	Now func() time.Time
}

// New returns the step that verifies deliveries. Behind it the body is what was
// verified, and the header with a shared secret is gone. It is an error if the policy
// cannot be enforced as it stands, such as by a secret that nobody has configured.
func New(p policy.Webhook, o Options) (func(http.Handler) http.Handler, error) {
	if o.Secrets == nil || o.OnError == nil || o.MaxBytes <= 0 {
		return nil, errors.New("webhook: Secrets, OnError and MaxBytes are required")
	}
	keys, err := o.Secrets.keysOf(p.Secret, p.Scheme)
	if err != nil {
		return nil, err
	}
	if o.OnOutcome == nil {
		o.OnOutcome = func(*http.Request, Outcome) {}
	}
	if o.Elsewhere == nil {
		o.Elsewhere = func(http.ResponseWriter, *http.Request, string) bool { return false }
	}
	now := o.Now
	if now == nil {
		now = time.Now
	}
	v := verifier{scheme: p.Scheme, header: p.Header, keys: keys, now: now}
	return func(next http.Handler) http.Handler {
		return &guard{policy: p, path: strings.Split(p.EventField, "."), options: o, verifier: v, next: next}
	}, nil
}

// guard is the step around one handler.
type guard struct {
	policy   policy.Webhook
	path     []string // of the event
	options  Options
	verifier verifier
	next     http.Handler
}

// ServeHTTP implements http.Handler.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, refused := g.verified(w, r)
	if refused != nil {
		g.refuse(w, r, refused)
		return
	}
	event, err := g.eventOf(raw)
	if err != nil {
		g.refuse(w, r, &refusal{outcome: Malformed, err: err})
		return
	}
	if g.policy.Scheme == policy.WebhookSharedSecret {
		r.Header.Del(g.policy.Header)
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
	switch {
	case event == g.policy.Event: // both are empty where the path is not shared
		g.options.OnOutcome(r, Accepted)
		g.next.ServeHTTP(w, r)
	case !g.options.Elsewhere(w, r, event):
		g.options.OnOutcome(r, Unmatched)
		w.WriteHeader(http.StatusNoContent)
	}
}

// refusal is why a delivery is not taken.
type refusal struct {
	outcome Outcome // "": it tells nothing of who has sent it
	err     error
}

func (g *guard) refuse(w http.ResponseWriter, r *http.Request, why *refusal) {
	if why.outcome != "" {
		g.options.OnOutcome(r, why.outcome)
	}
	if own := apierror.As(why.err); own != nil && own.Code == codes.Unauthenticated {
		w.Header().Set("WWW-Authenticate", "Webhook") // RFC 9110, section 15.5.2
	}
	g.options.OnError(w, r, why.err)
}

// verified returns the body of a delivery, once it is known whose it is. What the
// header tells is judged before the body is read.
func (g *guard) verified(w http.ResponseWriter, r *http.Request) ([]byte, *refusal) {
	claim, refused := g.verifier.claimOf(r.Header)
	if refused != nil {
		return nil, refused
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, &refusal{err: &apierror.Error{
			Code: codes.InvalidArgument, Reason: apierror.UnsupportedMediaType, HTTPStatus: http.StatusUnsupportedMediaType,
			Message: "a delivery is verified as it was sent; send it without a Content-Encoding",
		}}
	}
	raw, err := readAll(w, r, g.options.MaxBytes)
	if err != nil {
		return nil, &refusal{err: err}
	}
	if refused := g.verifier.verify(claim, raw); refused != nil {
		return nil, refused
	}
	return raw, nil
}

func readAll(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, &apierror.Error{
			Code: codes.InvalidArgument, Reason: apierror.RequestTooLarge, HTTPStatus: http.StatusRequestEntityTooLarge,
			Message: fmt.Sprintf("the request body is larger than %d bytes", cmp.Or(tooLarge.Limit, most)),
		}
	}
	if err != nil {
		return nil, &apierror.Error{Code: codes.InvalidArgument, Reason: apierror.InvalidRequest, Message: "the request body cannot be read", Cause: err}
	}
	return raw, nil
}
