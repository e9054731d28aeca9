package identity

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/venta-hq/venta/gateway/auth"
)

// The metadata that says who the caller is.
const (
	SubjectKey = "x-venta-subject"
	SchemeKey  = "x-venta-scheme"
	IssuerKey  = "x-venta-issuer"
	KeyIDKey   = "x-venta-key-id"
	ScopesKey  = "x-venta-scopes"
	RolesKey   = "x-venta-roles"
	ClaimsKey  = "x-venta-claims"
)

// metadata returns keys and values.
func (w *Writer) metadata(p *auth.Principal) ([]string, error) {
	var pairs []string
	add := func(key string, values ...string) {
		if text := encoded(values); text != "" {
			pairs = append(pairs, key, text)
		}
	}
	add(SubjectKey, p.Subject)
	add(SchemeKey, p.Scheme())
	add(IssuerKey, p.Issuer())
	add(KeyIDKey, p.KeyID())
	add(ScopesKey, p.Scopes()...)
	add(RolesKey, p.Roles()...)
	claims := chosen(p, w.options.Claims)
	if len(claims) == 0 {
		return pairs, nil
	}
	text, err := json.Marshal(claims)
	if err != nil {
		return nil, fmt.Errorf("the claims have no form in JSON: %w", err)
	}
	return append(pairs, ClaimsKey, inASCII(string(text))), nil
}

// chosen returns the claims that travel, of those that the caller has.
func chosen(p *auth.Principal, names []string) map[string]any {
	claims := make(map[string]any, len(names))
	for _, name := range names {
		if value := p.ClaimValue(name); value != nil {
			claims[name] = value
		}
	}
	return claims
}

// encoded returns values with a space between two. A service that splits them before it
// decodes them gets what was there.
func encoded(values []string) string {
	var b strings.Builder
	for i, value := range values {
		if i > 0 {
			b.WriteByte(' ')
		}
		for _, c := range []byte(value) {
			if c <= ' ' || c > '~' || c == '%' || c == ',' { // a comma: proxies join fields by it
				fmt.Fprintf(&b, "%%%02X", c)
			} else {
				b.WriteByte(c)
			}
		}
	}
	return b.String()
}

// inASCII writes what of a JSON text is not ASCII as JSON's own escapes.
func inASCII(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r <= '~':
			b.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		}
	}
	return b.String()
}
