package auth

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
)

// KeySource returns keys that change while they are used. [RemoteKeys] is one.
//
// Keys returns the keys of now; where nothing has changed, it should return the same
// set, which must not be changed. newer tells that a token names a key that is not in
// the set, which may be older than the token. Keys is called concurrently, for each
// token that is not remembered, and ends with ctx.
type KeySource interface {
	Keys(ctx context.Context, newer bool) (jwk.Set, error)
}

// keyring finds the key of a token.
type keyring struct {
	source     KeySource // nil: the keys stay
	usable     *atomic.Pointer[usableKeys]
	undeclared []string // algorithms of keys that declare none
}

// usableKeys are the keys of a set in the form that verifies.
type usableKeys struct {
	of   jwk.Set
	byID map[string]verificationKey
}

func newKeyring(o JWTOptions) (keyring, error) {
	k := keyring{source: o.KeySource, usable: &atomic.Pointer[usableKeys]{}, undeclared: o.Algorithms}
	if o.KeySource != nil {
		if o.Keys != nil {
			return keyring{}, errors.New("keys and a source of keys exclude each other")
		}
		return k, nil
	}
	_, err := k.use(o.Keys)
	return k, err
}

// use makes the keys of a set usable, once.
func (k keyring) use(set jwk.Set) (map[string]verificationKey, error) {
	if known := k.usable.Load(); known != nil && known.of == set {
		return known.byID, nil
	}
	byID, err := verificationKeys(set, k.undeclared)
	if err != nil {
		return nil, err
	}
	k.usable.Store(&usableKeys{of: set, byID: byID})
	return byID, nil
}

// lookup finds a key by id, also among keys that are newer than the known ones.
func (k keyring) lookup(ctx context.Context, kid string) (verificationKey, error) {
	if k.source == nil {
		return found(k.usable.Load().byID, kid)
	}
	keys, err := k.now(ctx, false)
	if err != nil {
		return verificationKey{}, err
	}
	if key, err := found(keys, kid); err == nil {
		return key, nil
	}
	if keys, err = k.now(ctx, true); err != nil {
		return verificationKey{}, err
	}
	return found(keys, kid)
}

// now returns the source's keys.
func (k keyring) now(ctx context.Context, newer bool) (map[string]verificationKey, error) {
	set, err := k.source.Keys(ctx, newer)
	if err != nil {
		return nil, unavailable(err)
	}
	keys, err := k.use(set)
	if err != nil {
		return nil, unavailable(fmt.Errorf("auth: the issuer's keys: %w", err))
	}
	return keys, nil
}

// unavailable refuses what cannot be verified now.
func unavailable(cause error) error {
	if apierror.As(cause) != nil {
		return cause
	}
	return &apierror.Error{
		Code: codes.Unavailable, Reason: apierror.UpstreamUnavailable, Message: "the credentials cannot be verified now", Cause: cause,
	}
}

// found finds a key by id. The only key of a set also serves where the token or
// the key has no id.
func found(keys map[string]verificationKey, kid string) (verificationKey, error) {
	if key, ok := keys[kid]; ok {
		return key, nil
	}
	if len(keys) == 1 {
		for id, key := range keys {
			if kid == "" || id == "" {
				return key, nil
			}
		}
	}
	return verificationKey{}, invalid("the token's key is not known", nil)
}
