package identity

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/maypok86/otter/v2"
	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/internal/panics"
)

const (
	// MaxBytes bounds what is written of a caller.
	MaxBytes = 8 << 10
	// MaxClaims bounds how many claims may be chosen.
	MaxClaims = 16

	maxRememberedBytes = 16 << 20
	entryBytes         = 256 // of what is remembered, beside its texts
)

// Options say what upstreams learn. The zero value writes metadata without claims.
type Options struct {
	// Claims are the names of claims that travel beside what always does; at most 16.
	Claims []string
	// Signer signs tokens in place of the metadata. Nil: nobody does.
	Signer *Signer
	// Signed are the audiences that get tokens. Nil: all of them.
	Signed []string
}

// Writer writes callers' identities. What it has written it remembers, so that a token is
// not signed for each call. It is safe for concurrent use.
type Writer struct {
	options Options
	written *otter.Cache[recipient, written]
}

// recipient is one caller at one upstream.
type recipient struct{ audience, fingerprint string }

// written is what one upstream is told of one caller.
type written struct {
	pairs   []string
	renew   time.Time // then it is written anew; zero: it does not age
	expires time.Time // when it ends; zero: it does not
}

// New returns a writer, or an error that says which option is wrong.
func New(o Options) (*Writer, error) {
	if len(o.Claims) > MaxClaims || slices.Contains(o.Claims, "") {
		return nil, fmt.Errorf("identity: %d claims; name at most %d, none of them empty", len(o.Claims), MaxClaims)
	}
	o.Claims, o.Signed = slices.Clone(o.Claims), slices.Clone(o.Signed)
	remembered, err := otter.New(&otter.Options[recipient, written]{
		MaximumWeight: maxRememberedBytes,
		Weigher:       weigh,
		Executor:      func(task func()) { task() }, // no goroutine outlives a request
	})
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	return &Writer{options: o, written: remembered}, nil
}

func weigh(r recipient, w written) uint32 {
	weight := entryBytes + len(r.audience) + len(r.fingerprint)
	for _, text := range w.pairs {
		weight += len(text)
	}
	return uint32(weight) // bounded by MaxBytes
}

// Append appends the metadata that tells the audience, which is the upstream's name, who
// the caller is. The error is an [*apierror.Error] that refuses the request: nobody is
// called for somebody whom the upstream cannot know. So does a panic: a verifier's own
// claims may have a form that does that.
func (w *Writer) Append(pairs []string, p *auth.Principal, audience string) (all []string, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			all, err = nil, failed(fmt.Errorf("panic: %s", panics.Text(cause)))
		}
	}()
	to, now := recipient{audience, p.Fingerprint()}, time.Now()
	known, ok := w.written.GetIfPresent(to)
	if !ok || !known.holds(p, now) {
		if known, err = w.write(p, audience, now); err != nil {
			return nil, err
		}
		w.written.Set(to, known)
	}
	return append(pairs, known.pairs...), nil
}

// holds reports whether what was written may be sent for the caller: it is young, and
// does not outlast the credentials.
func (k written) holds(p *auth.Principal, now time.Time) bool {
	return (k.renew.IsZero() || now.Before(k.renew)) &&
		(k.expires.IsZero() || p.Expires.IsZero() || !k.expires.After(p.Expires))
}

// write writes anew.
func (w *Writer) write(p *auth.Principal, audience string, now time.Time) (k written, err error) {
	if w.signs(audience) {
		k, err = w.sign(p, audience, now)
	} else {
		k.pairs, err = w.metadata(p)
	}
	if err != nil {
		return written{}, failed(err)
	}
	if size := size(k.pairs); size > MaxBytes {
		return written{}, tooLarge(size)
	}
	return k, nil
}

func (w *Writer) signs(audience string) bool {
	return w.options.Signer != nil && (w.options.Signed == nil || slices.Contains(w.options.Signed, audience))
}

func (w *Writer) sign(p *auth.Principal, audience string, now time.Time) (written, error) {
	token, expires, err := w.options.Signer.sign(p, w.options.Claims, audience, now)
	if err != nil {
		return written{}, err
	}
	return written{
		pairs: []string{auth.IdentityKey, token}, renew: now.Add(expires.Sub(now) / 2), expires: expires,
	}, nil
}

func size(pairs []string) int {
	total := 0
	for _, text := range pairs {
		total += len(text)
	}
	return total
}

func failed(cause error) error {
	return &apierror.Error{
		Code: codes.Internal, Reason: apierror.Internal, Message: "the caller's identity could not be passed on",
		Cause: errors.Join(errors.New("identity"), cause),
	}
}

// tooLarge refuses a caller with more scopes, roles and claims than upstreams take.
func tooLarge(size int) error {
	return &apierror.Error{
		Code: codes.ResourceExhausted, Reason: apierror.RequestTooLarge, HTTPStatus: 431,
		Message: fmt.Sprintf("the credentials say more of the caller than can be passed on: %d bytes, at most %d", size, MaxBytes),
	}
}
