// Package devkeys keeps the key pair that signs tokens in development, where no
// identity provider stands. It is not for production: whoever reads the file
// can speak for everybody.
package devkeys

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// What tokens of the development keys say of themselves.
const (
	Issuer   = "venta-dev"
	Audience = "venta"
)

const (
	fileName   = "dev-keys.json"
	defaultTTL = time.Hour
	maxTTL     = 30 * 24 * time.Hour
)

// Keys is an Ed25519 key pair. It is immutable and safe for concurrent use.
type Keys struct {
	private jwk.Key
	public  jwk.Key
}

// Claims is what a token says of its subject.
type Claims struct {
	// Subject is the user's id. Required.
	Subject string
	// Roles is the "roles" claim. Default none.
	Roles []string
	// Scopes is the "scope" claim. Default none.
	Scopes []string
	// TTL is how long the token is valid. Default 1 h, at most 30 days.
	TTL time.Duration
}

// Open returns the keys in dir and makes both where they are absent. Processes
// that start at once end with the same keys. A file that is not such a key, or
// that others may read, is an error and stays as it is.
func Open(dir string) (Keys, error) {
	path := filepath.Join(dir, fileName)
	keys, err := load(path)
	if errors.Is(err, os.ErrNotExist) {
		if err := create(path); err != nil {
			return Keys{}, fmt.Errorf("devkeys: the development keys cannot be made: %w", err)
		}
		keys, err = load(path)
	}
	if err != nil {
		return Keys{}, fmt.Errorf("devkeys: %w", err)
	}
	return keys, nil
}

// Public returns the key set that verifies what [Keys.Sign] signs.
func (k Keys) Public() jwk.Set {
	set := jwk.NewSet()
	_ = set.AddKey(k.public) // fails for duplicates alone
	return set
}

// Sign returns a token of [Issuer] for [Audience]. It fails for claims that are
// not usable.
func (k Keys) Sign(c Claims) (string, error) {
	if c.Subject == "" {
		return "", errors.New("devkeys: a token needs a subject")
	}
	if c.TTL < 0 || c.TTL > maxTTL {
		return "", fmt.Errorf("devkeys: a lifetime of %s is not between 0 and %s", c.TTL, maxTTL)
	}
	if c.TTL == 0 {
		c.TTL = defaultTTL
	}
	token, err := c.token(time.Now())
	if err != nil {
		return "", fmt.Errorf("devkeys: %w", err)
	}
	signed, err := jwt.Sign(token, jwt.WithKey(jwa.EdDSA(), k.private))
	if err != nil {
		return "", fmt.Errorf("devkeys: %w", err)
	}
	return string(signed), nil
}
