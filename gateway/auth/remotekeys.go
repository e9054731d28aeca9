package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
)

const (
	remoteKeysFresh   = 5 * time.Minute // then they are fetched again
	remoteKeysUsable  = time.Hour       // for this long where that fails
	remoteKeysPause   = 5 * time.Second // between two attempts
	remoteKeysTimeout = 5 * time.Second
)

// StaticKeys is the [KeySource] of keys that stay.
func StaticKeys(set jwk.Set) KeySource { return staticKeys{set} }

type staticKeys struct{ set jwk.Set }

// Keys implements KeySource.
func (k staticKeys) Keys(context.Context, bool) (jwk.Set, error) { return k.set, nil }

// RemoteKeys is the [KeySource] of a JSON Web Key Set at an address (RFC 7517). It
// fetches the set with the first token, again after five minutes, and when a token names a key
// that it does not know, at most every five seconds. Known keys serve while newer ones are
// fetched, and for an hour where that fails. Its only goroutine is that of an attempt,
// which ends within five seconds.
type RemoteKeys struct {
	address  string
	client   *http.Client
	onChange func(before, now jwk.Set)

	mu       sync.Mutex
	known    remoteKeys
	fetching chan struct{} // closed when the attempt under way has ended; nil: none is
}

// remoteKeys are what is known.
type remoteKeys struct {
	set            jwk.Set // nil: nothing yet
	fetched, tried time.Time
	err            error // of the last attempt
}

// RemoteKeysOptions say how keys are fetched. The zero value serves.
type RemoteKeysOptions struct {
	// Client makes the requests; it follows no redirects. Default: one of its own.
	Client *http.Client
	// OnChange, where set, is told each set that was fetched and differs from the one
	// before it, the first excepted: a key came, went or was replaced. It must not wait.
	OnChange func(before, now jwk.Set)
}

// NewRemoteKeys returns the keys at an address. Whoever can answer for it can speak
// for everybody: it must be https, or http on a network that is trusted.
func NewRemoteKeys(address string, o RemoteKeysOptions) (*RemoteKeys, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("auth: %q is not the address of a key set; write https://HOST/PATH", address)
	}
	own := http.Client{}
	if o.Client != nil {
		own = *o.Client
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &RemoteKeys{address: address, client: &own, onChange: o.OnChange}, nil
}

// Keys implements [KeySource].
func (k *RemoteKeys) Keys(ctx context.Context, newer bool) (jwk.Set, error) {
	known, fetching := k.look(newer)
	if fetching != nil && (newer || !known.usable(time.Now())) {
		select {
		case <-fetching:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		k.mu.Lock()
		known = k.known
		k.mu.Unlock()
	}
	if known.usable(time.Now()) {
		return known.set, nil
	}
	return nil, fmt.Errorf("auth: the keys at %s: %w", k.address, known.err)
}

// look returns what is known, and what tells the end of an attempt to know more.
func (k *RemoteKeys) look(newer bool) (remoteKeys, <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := time.Now(); k.fetching == nil && k.known.wanted(newer, now) {
		k.known.tried, k.fetching = now, make(chan struct{})
		go k.fetch(k.fetching)
	}
	return k.known, k.fetching
}

// wanted reports whether keys are to be fetched now.
func (k remoteKeys) wanted(newer bool, now time.Time) bool {
	if !k.tried.IsZero() && now.Sub(k.tried) < remoteKeysPause {
		return false
	}
	return k.set == nil || newer || now.Sub(k.fetched) >= remoteKeysFresh
}

func (k remoteKeys) usable(now time.Time) bool {
	return k.set != nil && now.Sub(k.fetched) < remoteKeysUsable
}

// fetch makes an attempt. It is nobody's request, so that it ends with none.
func (k *RemoteKeys) fetch(ended chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), remoteKeysTimeout)
	defer cancel()
	set, err := k.get(ctx)
	k.mu.Lock()
	before := k.known.set
	if k.known.err = err; err == nil {
		k.known.set, k.known.fetched = set, time.Now()
	}
	k.fetching = nil
	close(ended)
	k.mu.Unlock()
	if err == nil && before != nil && k.onChange != nil && !sameKeys(before, set) {
		k.onChange(before, set)
	}
}

// sameKeys reports whether two sets are written alike.
func sameKeys(a, b jwk.Set) bool {
	one, err := json.Marshal(a)
	other, err2 := json.Marshal(b)
	return err == nil && err2 == nil && bytes.Equal(one, other)
}

func (k *RemoteKeys) get(ctx context.Context) (jwk.Set, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, k.address, nil) //nolint:gosec // the operator's own address
	if err != nil {
		return nil, err
	}
	response, err := k.client.Do(request) //nolint:gosec // likewise
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, errors.New("the address responds " + response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxKeyFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxKeyFileBytes {
		return nil, fmt.Errorf("the key set is larger than %d bytes", maxKeyFileBytes)
	}
	set, err := ParseKeys(k.address, text)
	if err != nil {
		return nil, err
	}
	_, err = verificationKeys(set, nil)
	return set, err
}
