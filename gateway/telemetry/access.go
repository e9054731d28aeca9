package telemetry

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	randv2 "math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// PrincipalForm says how the access log names who has sent a request.
type PrincipalForm int

// The forms of a principal.
const (
	// PrincipalHash is a keyed hash of issuer and subject: lines of one caller have the
	// same, and nobody without the key finds out whose they are.
	PrincipalHash PrincipalForm = iota
	// PrincipalClear is the subject itself.
	PrincipalClear
	// PrincipalNone names nobody.
	PrincipalNone
)

// AccessOptions say what the access log tells. The zero value writes a line for each
// request.
type AccessOptions struct {
	// SuccessRatio is the share of successes that have a line, from 0 to 1: of requests
	// with a status below 400 that nothing has failed of, and that were not slow. All
	// others have one, whatever the ratio. Default: 1.
	SuccessRatio *float64
	// SlowAfter is from when on a request is slow, streams excepted. Default:
	// [DefaultSlowAfter].
	SlowAfter time.Duration
	// Principal is the form of callers' names. Default: [PrincipalHash].
	Principal PrincipalForm
	// PrincipalKey is the key of the hash, of 16 bytes or more. Gateways with the same
	// have the same hashes. Default: a random one of the process.
	PrincipalKey []byte
}

// accessOf returns what a request's line and observers go by, or nil where there are
// none.
func accessOf(o Options) func() *AccessLog {
	if o.Logger == nil && o.OnRequest == nil && o.Refusals == nil || o.Access != nil {
		return o.Access
	}
	all, _ := NewAccessLog(AccessOptions{}) // the zero value has no fault
	return func() *AccessLog { return all }
}

// DefaultSlowAfter is from when on a request is slow where nobody says.
const DefaultSlowAfter = time.Second

// LeastPrincipalKey is the least length of the key of principals' hashes, in bytes.
const LeastPrincipalKey = 16

// AccessLog is AccessOptions in the form that requests meet. It is safe for concurrent
// use.
type AccessLog struct {
	ratio     float64
	slowAfter time.Duration
	principal PrincipalForm
	hashes    sync.Pool
}

// processKey is the key of a process that is given none.
var processKey = sync.OnceValue(func() []byte {
	key := make([]byte, sha256.Size)
	rand.Read(key) // documented never to fail
	return key
})

// NewAccessLog returns what the options say. The error names everything that is wrong.
func NewAccessLog(o AccessOptions) (*AccessLog, error) {
	var errs []error
	a := &AccessLog{ratio: 1, slowAfter: o.SlowAfter, principal: o.Principal}
	if o.SuccessRatio != nil {
		a.ratio = *o.SuccessRatio
	}
	if !(0 <= a.ratio && a.ratio <= 1) { // so that NaN is none
		errs = append(errs, fmt.Errorf("the share of successes is %v, want one from 0 to 1", a.ratio))
	}
	if a.slowAfter == 0 {
		a.slowAfter = DefaultSlowAfter
	}
	if a.slowAfter < 0 {
		errs = append(errs, fmt.Errorf("SlowAfter is negative: %s", a.slowAfter))
	}
	if o.Principal < PrincipalHash || o.Principal > PrincipalNone {
		errs = append(errs, fmt.Errorf("unknown form of principals: %d", o.Principal))
	}
	key := o.PrincipalKey
	switch {
	case key == nil:
		key = processKey()
	case len(key) < LeastPrincipalKey:
		errs = append(errs, errors.New("the key of principals' hashes is shorter than 16 bytes"))
	}
	a.hashes.New = func() any { return newKeyedHash(key) }
	return a, errors.Join(errs...)
}

// keyedHash is HMAC-SHA-256 (RFC 2104) without an allocation.
type keyedHash struct {
	inner, outer []byte // the keys' blocks, and room behind them
	sum          [sha256.Size]byte
}

func newKeyedHash(key []byte) *keyedHash {
	if len(key) > sha256.BlockSize {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	h := &keyedHash{inner: make([]byte, sha256.BlockSize), outer: make([]byte, sha256.BlockSize)}
	copy(h.inner, key)
	copy(h.outer, key)
	for i := range sha256.BlockSize {
		h.inner[i] ^= 0x36
		h.outer[i] ^= 0x5c
	}
	return h
}

// of returns what stands for a caller in a line, until the next call: half of the
// digest is enough to tell callers apart.
func (h *keyedHash) of(c Caller) []byte {
	h.inner = append(append(append(h.inner[:sha256.BlockSize], c.Issuer...), 0), c.Subject...)
	within := sha256.Sum256(h.inner)
	h.outer = append(h.outer[:sha256.BlockSize], within[:]...)
	h.sum = sha256.Sum256(h.outer)
	return h.sum[:sha256.Size/2]
}

// hash calls use with what stands for a caller, which is of use until use returns.
func (a *AccessLog) hash(c Caller, use func(digest []byte)) {
	h := a.hashes.Get().(*keyedHash)
	use(h.of(c))
	a.hashes.Put(h)
}

// CallerName returns what a caller is called where requests are told of: a hash, or
// the subject, or neither.
func (a *AccessLog) CallerName(c Caller) (hash, subject string) {
	switch {
	case c.Subject == "":
	case a.principal == PrincipalHash:
		a.hash(c, func(digest []byte) { hash = base64.RawURLEncoding.EncodeToString(digest) })
	case a.principal == PrincipalClear:
		subject = strings.Clone(printable(c.Subject, longestUserAgent))
	}
	return hash, subject
}

// share returns which share of lines such as a request's is written, and whether its
// own is.
func (a *AccessLog) share(e *Ended) (ratio float64, written bool) {
	if a.ratio == 1 || !e.success() {
		return 1, true
	}
	return a.ratio, randv2.Float64() < a.ratio //nolint:gosec // nobody gains by guessing
}

func (e *Ended) success() bool {
	if e.error != "" || e.status == 0 || e.status >= http.StatusBadRequest {
		return false
	}
	return e.Stream() || e.Took() <= e.access.slowAfter
}
