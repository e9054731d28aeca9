package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash"
	"io"
	"slices"
	"sync/atomic"
)

// fingerprint remembers what a principal's fingerprint is, for all of its copies.
type fingerprint struct{ atomic.Pointer[fingerprinted] }

type fingerprinted struct{ subject, text string }

// Fingerprint tells principals apart by everything that a service may respond by:
// issuer, subject, scheme, the API key's id, scopes, roles, and all claims but those that say
// which token it is and how long it lasts (exp, nbf, iat, jti). As the token itself
// may reach the service, no claim can be left out. Two tokens that a login renewed have one
// fingerprint; two with other scopes have not.
//
// It is a digest of 43 characters and holds no secret. It is found once for a
// principal and its copies. That of nobody is "".
func (p Principal) Fingerprint() string {
	if p.Subject == "" {
		return ""
	}
	if p.known == nil {
		return p.fingerprint()
	}
	if known := p.known.Load(); known != nil && known.subject == p.Subject {
		return known.text
	}
	text := p.fingerprint()
	p.known.Store(&fingerprinted{subject: p.Subject, text: text})
	return text
}

func (p Principal) fingerprint() string {
	digest := sha256.New()
	addText(digest, p.issuer)
	addText(digest, p.Subject)
	addText(digest, p.scheme)
	addText(digest, p.keyID)
	addSet(digest, p.scopes)
	addSet(digest, p.roles)
	addText(digest, distinguishing(p.claims))
	return base64.RawURLEncoding.EncodeToString(digest.Sum(nil))
}

// addText writes a text so that no other two have the same bytes.
func addText(digest hash.Hash, text string) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(text)))
	_, _ = digest.Write(length[:]) // a hash returns no error
	_, _ = io.WriteString(digest, text)
}

// addSet writes texts whose order and repetition mean nothing.
func addSet(digest hash.Hash, texts []string) {
	set := slices.Compact(slices.Sorted(slices.Values(texts)))
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(set)))
	_, _ = digest.Write(length[:])
	for _, text := range set {
		addText(digest, text)
	}
}

// distinguishing returns the claims that tell principals of one subject apart.
func distinguishing(claims map[string]any) string {
	chosen := make(map[string]any, len(claims))
	for name, value := range claims {
		switch name {
		case "exp", "nbf", "iat", "jti": // of the token alone
		case "iss", "sub", "scope", "roles": // told by themselves
		default:
			chosen[name] = value
		}
	}
	encoded, err := json.Marshal(chosen) // names in order
	if err != nil || !exact(chosen) {
		return rand.Text() // nobody shares with claims that cannot be told apart
	}
	return string(encoded)
}

// exact reports whether no number has lost digits when it was decoded.
func exact(claim any) bool {
	const most = 1 << 53
	switch value := claim.(type) {
	case float64:
		return -most < value && value < most
	case []any:
		return !slices.ContainsFunc(value, func(v any) bool { return !exact(v) })
	case map[string]any:
		for _, v := range value {
			if !exact(v) {
				return false
			}
		}
	}
	return true
}
