package devkeys

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

func (c Claims) token(now time.Time) (jwt.Token, error) {
	b := jwt.NewBuilder().
		Issuer(Issuer).
		Audience([]string{Audience}).
		Subject(c.Subject).
		IssuedAt(now).
		Expiration(now.Add(c.TTL))
	if len(c.Roles) > 0 {
		b = b.Claim("roles", c.Roles)
	}
	if len(c.Scopes) > 0 {
		b = b.Claim("scope", strings.Join(c.Scopes, " "))
	}
	return b.Build()
}

func load(path string) (Keys, error) {
	data, err := readPrivate(path)
	if err != nil {
		return Keys{}, err
	}
	keys, err := parse(data)
	if err != nil {
		return Keys{}, fmt.Errorf("%s is damaged, remove it to get new keys: %w", path, err)
	}
	return keys, nil
}

// readPrivate reads a file that nobody else may read.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if open := info.Mode().Perm() & 0o077; open != 0 {
		return nil, fmt.Errorf("others may read the private key %s (mode %04o): chmod 600 it", path, info.Mode().Perm())
	}
	return os.ReadFile(path)
}

func parse(data []byte) (Keys, error) {
	set, err := jwk.Parse(data)
	if err != nil {
		return Keys{}, err
	}
	key, ok := set.Key(0)
	if !ok || set.Len() != 1 {
		return Keys{}, fmt.Errorf("%d keys instead of one", set.Len())
	}
	var raw ed25519.PrivateKey
	if err := jwk.Export(key, &raw); err != nil {
		return Keys{}, errors.New("not an Ed25519 private key")
	}
	public, err := key.PublicKey()
	if err != nil {
		return Keys{}, err
	}
	return Keys{private: key, public: public}, nil
}

// create writes a new key.
func create(path string) error {
	data, err := generate()
	if err != nil {
		return err
	}
	return write(path, data)
}

// write gives a file its name only when it is complete. The link fails where another
// process was first; its file is then the one.
func write(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	_, err = temporary.Write(data)
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	if err := os.Link(temporary.Name(), path); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

func generate() ([]byte, error) {
	_, raw, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := jwk.Import(raw)
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		jwk.AssignKeyID(key),
		key.Set(jwk.AlgorithmKey, jwa.EdDSA()),
		key.Set(jwk.KeyUsageKey, jwk.ForSignature),
	)
	if err != nil {
		return nil, err
	}
	set := jwk.NewSet()
	if err := set.AddKey(key); err != nil {
		return nil, err
	}
	return json.MarshalIndent(set, "", "  ")
}
