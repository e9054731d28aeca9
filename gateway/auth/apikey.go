package auth

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// APIKeyHeader is the request header that carries an API key.
const APIKeyHeader = "X-Api-Key" //nolint:gosec // a name

const (
	apiKeyPrefix = "vk_"
	apiKeyBytes  = 32 // of randomness
	maxAPIKeys   = 100_000
)

// APIKeys knows keys by their SHA-256. That is enough for keys which are random,
// as [NewAPIKey] makes them: there is nothing to guess, and whoever reads the file
// cannot call with it. It is a [KeyVerifier], immutable and safe for concurrent use.
type APIKeys struct {
	byHash map[[sha256.Size]byte]*Principal
}

// APIKey is an entry of a file of keys.
type APIKey struct {
	// ID names the key to people, in limits and in logs. Required, unique.
	ID string `json:"id"`
	// SHA256 is the key's hash in hexadecimal. Required, unique.
	SHA256 string `json:"sha256"`
	// Subject is whom the key speaks for. Required.
	Subject string `json:"subject"`
	// Scopes, Roles and Claims are what a token of the same names would hold.
	Scopes []string       `json:"scopes,omitempty"`
	Roles  []string       `json:"roles,omitempty"`
	Claims map[string]any `json:"claims,omitempty"`
	// Expires is when the key ends. Zero: never.
	Expires time.Time `json:"expires,omitzero"`
}

// NewAPIKey makes a random key and completes the entry with its hash. The key
// itself is kept nowhere.
func NewAPIKey(entry APIKey) (key string, complete APIKey, err error) {
	secret := make([]byte, apiKeyBytes)
	if _, err := rand.Read(secret); err != nil {
		return "", APIKey{}, fmt.Errorf("auth: %w", err)
	}
	key = apiKeyPrefix + base64.RawURLEncoding.EncodeToString(secret)
	sum := sha256.Sum256([]byte(key))
	entry.SHA256 = hex.EncodeToString(sum[:])
	return key, entry, nil
}

// LoadAPIKeys reads a file for [ParseAPIKeys].
func LoadAPIKeys(path string) (*APIKeys, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("auth: API keys: %w", err)
	}
	return ParseAPIKeys(path, text)
}

// ParseAPIKeys reads a JSON array of keys. The error begins with name, such as
// the file's, and names every entry that is wrong.
func ParseAPIKeys(name string, text []byte) (*APIKeys, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var entries []APIKey
	if err := decoder.Decode(&entries); err != nil {
		return nil, fmt.Errorf("auth: API keys %s: %w", name, err)
	}
	keys, err := NewAPIKeys(entries)
	if err != nil {
		return nil, fmt.Errorf("auth: API keys %s: %w", name, err)
	}
	return keys, nil
}

// NewAPIKeys returns the keys of the entries, at most 100,000. The error names
// every entry that is wrong.
func NewAPIKeys(entries []APIKey) (*APIKeys, error) {
	if len(entries) > maxAPIKeys {
		return nil, fmt.Errorf("%d keys are too many; keep at most %d", len(entries), maxAPIKeys)
	}
	keys := &APIKeys{byHash: make(map[[sha256.Size]byte]*Principal, len(entries))}
	ids := make(map[string]bool, len(entries))
	var errs []error
	for i, entry := range entries {
		if err := keys.add(entry, ids); err != nil {
			errs = append(errs, fmt.Errorf("entry %d: %w", i+1, err))
		}
	}
	return keys, errors.Join(errs...)
}

func (k *APIKeys) add(entry APIKey, ids map[string]bool) error {
	var sum [sha256.Size]byte
	if n, err := hex.Decode(sum[:], []byte(entry.SHA256)); err != nil || n != len(sum) || len(entry.SHA256) != 2*len(sum) {
		return errors.New("sha256 is not the hash of a key; write 64 hexadecimal digits")
	}
	switch {
	case entry.ID == "":
		return errors.New("it has no id; write one")
	case ids[entry.ID]:
		return fmt.Errorf("the id %q is taken; write another", entry.ID)
	case k.byHash[sum] != nil:
		return fmt.Errorf("the key of %q is there twice; remove one", entry.ID)
	case entry.Subject == "" || len(entry.Subject) > maxSubjectBytes:
		return fmt.Errorf("the subject is missing or longer than %d bytes; write whom the key speaks for", maxSubjectBytes)
	}
	ids[entry.ID] = true
	p := NewPrincipal(entry.Subject, entry.Scopes, entry.Roles)
	p.Expires, p.claims, p.keyID, p.scheme = entry.Expires, entry.Claims, entry.ID, SchemeAPIKey
	k.byHash[sum] = &p
	return nil
}

// VerifyKey implements [KeyVerifier]. It never blocks.
func (k *APIKeys) VerifyKey(_ context.Context, key string) (*Principal, error) {
	p := k.byHash[sha256.Sum256([]byte(key))]
	switch {
	case p == nil:
		return nil, invalid("the API key is unknown", nil)
	case !p.Expires.IsZero() && !time.Now().Before(p.Expires):
		return nil, invalid("the API key has expired", nil)
	}
	return p, nil
}
