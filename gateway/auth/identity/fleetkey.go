package identity

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
)

// ParseKeys reads the keys of a fleet, a JSON Web Key Set with private keys. The error
// begins with name, such as the file's, and shows nothing of a key.
func ParseKeys(name string, text []byte) (jwk.Set, error) {
	keys, err := jwk.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("identity: %s is not a JSON Web Key Set", name)
	}
	if _, err := fleetRing(keys); err != nil {
		return nil, fmt.Errorf("identity: %s: %w", name, err)
	}
	return keys, nil
}

// fleetKey makes a key of a file usable. One that is only published may be a public
// one.
func fleetKey(key jwk.Key, signs bool) (signingKey, error) {
	private, err := jwk.IsPrivateKey(key)
	if err != nil || key.KeyType() == jwa.OctetSeq() {
		return signingKey{}, errors.New("it is no key of a pair; use EC, OKP or RSA")
	}
	if signs && !private {
		return signingKey{}, errors.New("it is a public key; the first one signs and must be private")
	}
	key, err = key.Clone()
	if err != nil {
		return signingKey{}, err
	}
	raw, err := jwk.PublicRawKeyOf(key)
	if err != nil {
		return signingKey{}, errors.New("it cannot be used")
	}
	alg, err := algorithm(key, raw)
	if err != nil {
		return signingKey{}, err
	}
	if kid, ok := key.KeyID(); !ok || kid == "" {
		if err := jwk.AssignKeyID(key); err != nil {
			return signingKey{}, err
		}
	}
	if err := errors.Join(key.Set(jwk.AlgorithmKey, alg), key.Set(jwk.KeyUsageKey, jwk.ForSignature)); err != nil {
		return signingKey{}, err
	}
	return withPublic(key, alg)
}

// algorithm returns what a key is used with: what it declares, or the usual one of its
// kind.
func algorithm(key jwk.Key, raw any) (jwa.SignatureAlgorithm, error) {
	suitable, err := suitable(raw)
	if err != nil {
		return jwa.EmptySignatureAlgorithm(), err
	}
	declared, ok := key.Algorithm()
	if !ok {
		return suitable[0], nil
	}
	i := slices.IndexFunc(suitable, func(alg jwa.SignatureAlgorithm) bool { return alg.String() == declared.String() })
	if i < 0 {
		return jwa.EmptySignatureAlgorithm(), fmt.Errorf("it does not suit its algorithm %s", declared)
	}
	return suitable[i], nil
}

// suitable returns the algorithms that a key suits, the usual one first.
func suitable(raw any) ([]jwa.SignatureAlgorithm, error) {
	switch key := raw.(type) {
	case *ecdsa.PublicKey:
		switch key.Curve.Params().BitSize {
		case 256:
			return []jwa.SignatureAlgorithm{jwa.ES256()}, nil
		case 384:
			return []jwa.SignatureAlgorithm{jwa.ES384()}, nil
		case 521:
			return []jwa.SignatureAlgorithm{jwa.ES512()}, nil
		}
	case ed25519.PublicKey:
		return []jwa.SignatureAlgorithm{jwa.EdDSA()}, nil
	case *rsa.PublicKey: // of 2048 bits or more, else it would be no key
		return []jwa.SignatureAlgorithm{
			jwa.RS256(), jwa.RS384(), jwa.RS512(), jwa.PS256(), jwa.PS384(), jwa.PS512(),
		}, nil
	}
	return nil, errors.New("it is of no kind that signs")
}
