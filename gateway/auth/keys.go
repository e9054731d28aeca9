package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
)

const (
	maxKeyFileBytes = 1 << 20
	maxKeys         = 64
)

// LoadKeys reads a file of at most 1 MiB for [ParseKeys].
func LoadKeys(path string) (jwk.Set, error) {
	data, err := readBounded(path)
	if err != nil {
		return nil, fmt.Errorf("auth: the key set cannot be read: %w", err)
	}
	return ParseKeys(path, data)
}

// ParseKeys reads a JSON Web Key Set (RFC 7517). The error tells name, such as the
// file's, and what is wrong. Whether each key is safe to use, [NewJWT] says.
func ParseKeys(name string, text []byte) (jwk.Set, error) {
	set, err := jwk.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("auth: %s is not a JSON Web Key Set: %w", name, err)
	}
	if set.Len() == 0 {
		return nil, fmt.Errorf("auth: the key set %s is empty", name)
	}
	return set, nil
}

func readBounded(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxKeyFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxKeyFileBytes {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxKeyFileBytes)
	}
	return data, nil
}

// verificationKey is a key and the algorithms that it may be used with: the one
// that it declares, or those that are configured and suit it.
type verificationKey struct {
	algs []jwa.SignatureAlgorithm
	raw  any
}

// algorithm returns the key's algorithm of that name.
func (k verificationKey) algorithm(name string) (jwa.SignatureAlgorithm, bool) {
	for _, alg := range k.algs {
		if alg.String() == name {
			return alg, true
		}
	}
	return jwa.NoSignature(), false
}

// verificationKeys returns the keys of the set that are meant for signatures,
// by key id. A key that is not safe to use is an error, not left out: a gateway
// that starts must be able to verify what its configuration says.
func verificationKeys(set jwk.Set, undeclared []string) (map[string]verificationKey, error) {
	if set == nil || set.Len() > maxKeys {
		return nil, fmt.Errorf("a key set of 1 to %d keys is required", maxKeys)
	}
	keys := make(map[string]verificationKey, set.Len())
	for i := range set.Len() {
		key, _ := set.Key(i)
		if use, ok := key.KeyUsage(); ok && use != jwk.ForSignature.String() {
			continue
		}
		kid, _ := key.KeyID()
		if _, taken := keys[kid]; taken {
			return nil, fmt.Errorf("two keys have the id %q", kid)
		}
		usable, err := newVerificationKey(key, undeclared)
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", kid, err)
		}
		keys[kid] = usable
	}
	if len(keys) == 0 {
		return nil, errors.New("the key set holds no key for signatures")
	}
	if _, unnamed := keys[""]; unnamed && len(keys) > 1 {
		return nil, errors.New(`every key of a set with several keys needs a "kid"`)
	}
	return keys, nil
}

func newVerificationKey(key jwk.Key, undeclared []string) (verificationKey, error) {
	raw, err := jwk.PublicRawKeyOf(key)
	if err != nil {
		return verificationKey{}, fmt.Errorf("the key is not usable: %w", err)
	}
	declared, ok := key.Algorithm()
	if !ok {
		return undeclaredKey(raw, undeclared)
	}
	alg, ok := jwa.LookupSignatureAlgorithm(declared.String())
	if !ok {
		return verificationKey{}, fmt.Errorf("%q is not a signature algorithm", declared)
	}
	if err := suits(alg, raw); err != nil {
		return verificationKey{}, err
	}
	return verificationKey{algs: []jwa.SignatureAlgorithm{alg}, raw: raw}, nil
}

// undeclaredKey is a key that does not say its algorithm, with those of the
// configured ones that suit it.
func undeclaredKey(raw any, names []string) (verificationKey, error) {
	key := verificationKey{raw: raw}
	for _, name := range names {
		alg, ok := jwa.LookupSignatureAlgorithm(name)
		if kind, _ := requirement(alg); !ok || kind == "" {
			return verificationKey{}, fmt.Errorf("%q is not a signature algorithm that is accepted", name)
		}
		if suits(alg, raw) == nil {
			key.algs = append(key.algs, alg)
		}
	}
	if len(key.algs) == 0 {
		return verificationKey{}, errors.New(`the key does not declare its algorithm ("alg"), and none of the configured algorithms suits it`)
	}
	return key, nil
}

// suits checks that the algorithm belongs to the key's kind and that the key is
// as strong as RFC 7518 (sections 3.2 to 3.5) requires.
func suits(alg jwa.SignatureAlgorithm, raw any) error {
	kind, want := requirement(alg)
	var have string
	var bits int
	switch key := raw.(type) {
	case []byte:
		have, bits = "oct", len(key)*8
	case *rsa.PublicKey:
		have, bits = "RSA", key.N.BitLen()
	case *ecdsa.PublicKey:
		have, bits = "EC", key.Curve.Params().BitSize
	case ed25519.PublicKey:
		have, bits = "Ed25519", len(key)*8
	}
	if have == "" || have != kind || kind == "EC" && bits != want {
		return fmt.Errorf("the key does not suit its algorithm %s", alg)
	}
	if bits < want {
		return fmt.Errorf("the key has %d bits, %s needs %d", bits, alg, want)
	}
	return nil
}

// requirement returns the kind of key that an algorithm takes and the bits that
// the key must have; nothing for algorithms that are not accepted, such as "none".
func requirement(alg jwa.SignatureAlgorithm) (kind string, bits int) {
	switch alg.String() {
	case "HS256":
		return "oct", 256
	case "HS384":
		return "oct", 384
	case "HS512":
		return "oct", 512
	case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512":
		return "RSA", 2048
	case "ES256":
		return "EC", 256
	case "ES384":
		return "EC", 384
	case "ES512":
		return "EC", 521
	case "EdDSA", "Ed25519":
		return "Ed25519", 256
	}
	return "", 0
}
