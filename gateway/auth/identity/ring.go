package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
)

const (
	defaultRotation = 24 * time.Hour
	minRotation     = 10 * time.Minute
	// overlap is how long a key that signs no more is published: what it has signed must
	// have ended, for clocks that are five minutes apart, too.
	overlap     = MaxLifetime + 5*time.Minute
	maxFileKeys = 16
)

// signingKey is a private key with an id, and the one algorithm that it is used with.
type signingKey struct {
	private, public jwk.Key
	alg             jwa.SignatureAlgorithm
}

// ring is the keys that sign now, next and before. The next is published from the
// start, so that a service which asks seldom knows it when it begins to sign.
type ring struct {
	current signingKey
	public  jwk.Set

	every    time.Duration // 0: the keys are a fleet's and stay
	until    time.Time     // when current is replaced
	next     signingKey
	previous *signingKey // nil: there is none, or nothing of it is valid any more
	forget   time.Time   // when previous is no longer published
}

// newRing returns the keys of a fleet, or makes those of this process where there are
// none.
func newRing(keys jwk.Set, every time.Duration, now time.Time) (*ring, error) {
	if keys != nil {
		return fleetRing(keys)
	}
	if every == 0 {
		return nil, errors.New("there are no keys")
	}
	r := &ring{every: every, until: now.Add(every)}
	var err error
	if r.current, err = newKey(); err == nil {
		r.next, err = newKey()
	}
	if err != nil {
		return nil, err
	}
	return r, r.publish()
}

func fleetRing(keys jwk.Set) (*ring, error) {
	if keys.Len() == 0 || keys.Len() > maxFileKeys {
		return nil, fmt.Errorf("%d signing keys; give 1 to %d", keys.Len(), maxFileKeys)
	}
	r := &ring{public: jwk.NewSet()}
	for i := range keys.Len() {
		key, _ := keys.Key(i)
		usable, err := fleetKey(key, i == 0)
		if err == nil {
			err = r.public.AddKey(usable.public)
		}
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		if i == 0 {
			r.current = usable
		}
	}
	return r, nil
}

// advance puts the next key in the place of one whose time is over.
func (r *ring) advance(now time.Time) error {
	switch {
	case r.every == 0:
		return nil
	case !now.Before(r.until):
		fresh, err := newKey()
		if err != nil {
			return err
		}
		former := r.current
		r.previous, r.forget = &former, now.Add(overlap)
		r.current, r.next, r.until = r.next, fresh, now.Add(r.every)
	case r.previous != nil && !now.Before(r.forget):
		r.previous = nil
	default:
		return nil
	}
	return r.publish()
}

// publish makes the set of public keys anew: one that was handed out stays as it is.
func (r *ring) publish() error {
	public := jwk.NewSet()
	err := errors.Join(public.AddKey(r.current.public), public.AddKey(r.next.public))
	if r.previous != nil {
		err = errors.Join(err, public.AddKey(r.previous.public))
	}
	r.public = public
	return err
}

// newKey makes a key. ES256 is what every library verifies (RFC 7518, section 3.1).
func newKey() (signingKey, error) {
	raw, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return signingKey{}, err
	}
	key, err := jwk.Import(raw)
	if err == nil {
		err = errors.Join(jwk.AssignKeyID(key), key.Set(jwk.AlgorithmKey, jwa.ES256()), key.Set(jwk.KeyUsageKey, jwk.ForSignature))
	}
	if err != nil {
		return signingKey{}, err
	}
	return withPublic(key, jwa.ES256())
}

func withPublic(key jwk.Key, alg jwa.SignatureAlgorithm) (signingKey, error) {
	public, err := key.PublicKey()
	return signingKey{private: key, public: public, alg: alg}, err
}
