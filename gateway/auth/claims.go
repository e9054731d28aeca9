package auth

import (
	"slices"
	"strings"
	"time"
)

const (
	maxSubjectBytes = 255          // OpenID Connect Core 1.0, section 2
	maxNumericDate  = 253402300799 // the last second of the year 9999
)

// expectation is what a token must say to be believed.
type expectation struct {
	issuer   string
	audience string
	leeway   time.Duration
}

// principal checks the claims of a token whose signature is valid.
func (e expectation) principal(claims map[string]any, now time.Time) (Principal, error) {
	if claims["iss"] != e.issuer {
		return Principal{}, invalid("the token is of another issuer", nil)
	}
	if audiences, ok := texts(claims["aud"]); !ok || !slices.Contains(audiences, e.audience) {
		return Principal{}, invalid("the token is for another audience", nil)
	}
	expires, err := e.lifetime(claims, now)
	if err != nil {
		return Principal{}, err
	}
	subject, _ := claims["sub"].(string)
	if subject == "" || len(subject) > maxSubjectBytes {
		return Principal{}, invalid("the token's subject is missing or too long", nil)
	}
	scopes, ok := scopesOf(claims)
	roles, rolesOK := texts(claims["roles"])
	if !ok || !rolesOK {
		return Principal{}, invalid("the token's scopes or roles are malformed", nil)
	}
	return Principal{
		Subject: subject, Expires: expires, scopes: scopes, roles: roles, claims: claims,
		scheme: SchemeBearer, issuer: e.issuer, known: &fingerprint{},
	}, nil
}

// lifetime checks "exp", "nbf" and "iat" and returns the first.
func (e expectation) lifetime(claims map[string]any, now time.Time) (time.Time, error) {
	for _, name := range []string{"exp", "nbf", "iat"} {
		if _, ok := date(claims[name]); !ok && claims[name] != nil {
			return time.Time{}, invalid("the token's dates are malformed", nil)
		}
	}
	expires, ok := date(claims["exp"])
	if !ok {
		return time.Time{}, invalid("the token has no expiry", nil)
	}
	if !now.Before(expires.Add(e.leeway)) {
		return time.Time{}, invalid("the token has expired", nil)
	}
	latest := now.Add(e.leeway)
	if notBefore, ok := date(claims["nbf"]); ok && latest.Before(notBefore) {
		return time.Time{}, invalid("the token is not yet valid", nil)
	}
	if issued, ok := date(claims["iat"]); ok && latest.Before(issued) {
		return time.Time{}, invalid("the token was issued in the future", nil)
	}
	return expires, nil
}

// date reads a NumericDate (RFC 7519, section 2).
func date(claim any) (time.Time, bool) {
	seconds, ok := claim.(float64)
	if !ok || seconds < 0 || seconds > maxNumericDate {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(seconds * 1000)), true
}

// scopesOf reads "scope", a text with blanks between (RFC 8693, section 4.2);
// some issuers write a list.
func scopesOf(claims map[string]any) ([]string, bool) {
	if text, ok := claims["scope"].(string); ok {
		return strings.Fields(text), true
	}
	return texts(claims["scope"])
}

// texts reads a claim that is absent, one string or a list of strings.
func texts(claim any) ([]string, bool) {
	switch value := claim.(type) {
	case nil:
		return nil, true
	case string:
		return []string{value}, true
	case []any:
		list := make([]string, 0, len(value))
		for _, item := range value {
			text, ok := item.(string)
			if !ok {
				return nil, false
			}
			list = append(list, text)
		}
		return list, true
	}
	return nil, false
}
