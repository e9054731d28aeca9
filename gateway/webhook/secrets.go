package webhook

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/venta-hq/venta/gateway/policy"
)

// LeastSecretBytes is how long a secret must be.
const LeastSecretBytes = 16

// MostValues is how many values of one secret are valid at once.
const MostValues = 8

const signedPrefix = "whsec_"

// Secrets are the values of secrets, by name. They can be replaced while deliveries are
// verified; all values of a name are valid. The zero value is not usable. Its methods
// are safe for concurrent use.
type Secrets struct {
	missing func(name string) (string, error)

	mu     sync.Mutex
	values map[string][]string
	used   map[use]*keys
}

// use is a secret under the scheme of a policy.
type use struct {
	name   string
	scheme policy.WebhookScheme
}

// keys are what deliveries are verified with, as their scheme has them.
type keys struct{ current atomic.Pointer[[][]byte] }

func (k *keys) now() [][]byte { return *k.current.Load() }

// NewSecrets returns secrets with their values. missing, where set, makes the value of
// one that has none; else a policy that names it cannot be enforced.
func NewSecrets(values map[string][]string, missing func(name string) (string, error)) *Secrets {
	return &Secrets{missing: missing, values: values, used: map[use]*keys{}}
}

// ErrNoSecret is what a policy is refused with whose secret has no value.
var ErrNoSecret = errors.New("no value of it is configured (webhooks.secrets)")

// keysOf returns the keys of a policy, which follow the values.
func (s *Secrets) keysOf(name string, scheme policy.WebhookScheme) (*keys, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := use{name, scheme}
	if found := s.used[of]; found != nil {
		return found, nil
	}
	read, err := s.read(s.values, of)
	if err != nil {
		return nil, err
	}
	made := &keys{}
	made.current.Store(&read)
	s.used[of] = made
	return made, nil
}

// Check returns what [Secrets.Replace] would, and changes nothing.
func (s *Secrets) Check(values map[string][]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.readAll(values)
	return err
}

// readAll returns the keys of all secrets that some policy names.
func (s *Secrets) readAll(values map[string][]string) (map[use][][]byte, error) {
	next := map[use][][]byte{}
	var errs []error
	for of := range s.used {
		read, err := s.read(values, of)
		errs = append(errs, err)
		next[of] = read
	}
	return next, errors.Join(errs...)
}

// Replace puts other values in the place of all. With an error, which names every
// secret that cannot be used and shows none, nothing has changed.
func (s *Secrets) Replace(values map[string][]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, err := s.readAll(values)
	if err != nil {
		return err
	}
	s.values = values
	for of, read := range next {
		s.used[of].current.Store(&read)
	}
	return nil
}

// read returns the keys of a secret.
func (s *Secrets) read(values map[string][]string, of use) ([][]byte, error) {
	texts := values[of.name]
	if len(texts) == 0 && s.missing != nil {
		made, err := s.missing(of.name)
		if err != nil {
			return nil, fmt.Errorf("webhook: secret %q: %w", of.name, err)
		}
		texts = []string{made}
	}
	switch {
	case len(texts) == 0:
		return nil, fmt.Errorf("webhook: secret %q: %w", of.name, ErrNoSecret)
	case len(texts) > MostValues:
		return nil, fmt.Errorf("webhook: secret %q: it has %d values; at most %d are valid at once", of.name, len(texts), MostValues)
	}
	read := make([][]byte, len(texts))
	for i, text := range texts {
		var err error
		if read[i], err = keyOf(text, of.scheme); err != nil {
			return nil, fmt.Errorf("webhook: secret %q: value %d of %d %w", of.name, i+1, len(texts), err)
		}
	}
	return read, nil
}

// keyOf reads one value. The error does not show it.
func keyOf(text string, scheme policy.WebhookScheme) ([]byte, error) {
	key := []byte(text)
	if scheme != policy.WebhookSharedSecret {
		encoded, ok := strings.CutPrefix(text, signedPrefix)
		if !ok {
			return nil, fmt.Errorf("does not begin with %q, as the sender shows it; of another key write that and its base64", signedPrefix)
		}
		var err error
		if key, err = base64.StdEncoding.DecodeString(encoded); err != nil {
			return nil, fmt.Errorf("is no base64 behind %q", signedPrefix)
		}
	}
	if len(key) < LeastSecretBytes {
		return nil, fmt.Errorf("has %d bytes, and %d are the least that nobody guesses", len(key), LeastSecretBytes)
	}
	return key, nil
}
