package auth

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
)

// exchange is what the middleware did with one request.
type exchange struct {
	passed    bool
	principal Principal
	known     bool
	err       error
	challenge string
}

func serve(t *testing.T, v *JWT, p policy.Auth, authorization ...string) exchange {
	t.Helper()
	var x exchange
	middleware, err := New(p, Options{
		Verifier: v,
		OnError: func(w http.ResponseWriter, _ *http.Request, err error) {
			x.err, x.challenge = err, w.Header().Get("WWW-Authenticate")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/v2/vendors?access_token=ignored", nil)
	for _, value := range authorization {
		r.Header.Add("Authorization", value)
	}
	middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		x.passed = true
		x.principal, x.known = FromContext(r.Context())
	})).ServeHTTP(httptest.NewRecorder(), r)
	return x
}

func TestMiddleware(t *testing.T) {
	s := newSigner(t)
	v := s.verifier()
	good := "Bearer " + s.token(claims(map[string]any{"scope": "read write", "roles": []string{"staff"}}))
	expired := "Bearer " + s.token(claims(map[string]any{"exp": 1}))
	required := policy.Auth{Requirement: policy.AuthRequired}
	optional := policy.Auth{Requirement: policy.AuthOptional}
	none := policy.Auth{Requirement: policy.AuthNone}
	with := func(scopes, roles []string) policy.Auth {
		return policy.Auth{Requirement: policy.AuthRequired, Scopes: scopes, Roles: roles}
	}
	const bare = `Bearer realm="venta"`
	invalidBecause := func(message string) string {
		return bare + `, error="invalid_token", error_description="` + message + `"`
	}
	const noBearer = "the Authorization header holds no bearer token"
	const insufficient = bare + `, error="insufficient_scope"`
	tests := map[string]struct {
		policy    policy.Auth
		header    []string
		reason    apierror.Reason // "": passes
		challenge string
		known     bool
	}{
		"required, good":          {policy: required, header: []string{good}, known: true},
		"required, lower case":    {policy: required, header: []string{"b" + good[1:]}, known: true},
		"required, two blanks":    {policy: required, header: []string{strings.Replace(good, " ", "  ", 1)}, known: true},
		"required, missing":       {policy: required, reason: apierror.CredentialsMissing, challenge: bare},
		"required, expired":       {policy: required, header: []string{expired}, reason: apierror.CredentialsInvalid, challenge: invalidBecause("the token has expired")},
		"required, empty":         {policy: required, header: []string{""}, reason: apierror.CredentialsInvalid, challenge: invalidBecause(noBearer)},
		"required, basic":         {policy: required, header: []string{"Basic dTpw"}, reason: apierror.CredentialsInvalid, challenge: invalidBecause(noBearer)},
		"required, scheme only":   {policy: required, header: []string{"Bearer "}, reason: apierror.CredentialsInvalid, challenge: invalidBecause(noBearer)},
		"required, no scheme":     {policy: required, header: []string{good[7:]}, reason: apierror.CredentialsInvalid, challenge: invalidBecause(noBearer)},
		"required, twice":         {policy: required, header: []string{good, good}, reason: apierror.CredentialsInvalid, challenge: invalidBecause("more than one Authorization header")},
		"required, joined":        {policy: required, header: []string{good + ", " + good}, reason: apierror.CredentialsInvalid, challenge: invalidBecause("the token is not a signed JSON Web Token")},
		"required, quoted":        {policy: required, header: []string{`Bearer "a`}, reason: apierror.CredentialsInvalid, challenge: invalidBecause("the token is not a signed JSON Web Token")},
		"optional, missing":       {policy: optional},
		"optional, good":          {policy: optional, header: []string{good}, known: true},
		"optional, expired":       {policy: optional, header: []string{expired}, reason: apierror.CredentialsInvalid, challenge: invalidBecause("the token has expired")},
		"optional, empty":         {policy: optional, header: []string{""}, reason: apierror.CredentialsInvalid, challenge: invalidBecause(noBearer)},
		"none, good":              {policy: none, header: []string{good}},
		"none, expired":           {policy: none, header: []string{expired}},
		"all scopes":              {policy: with([]string{"read", "write"}, nil), header: []string{good}, known: true},
		"one scope lacks":         {policy: with([]string{"read", "admin"}, nil), header: []string{good}, reason: apierror.PermissionDenied, challenge: insufficient + `, scope="read admin"`},
		"one role":                {policy: with(nil, []string{"system", "staff"}), header: []string{good}, known: true},
		"no role":                 {policy: with(nil, []string{"system"}), header: []string{good}, reason: apierror.PermissionDenied, challenge: insufficient},
		"scope but no role":       {policy: with([]string{"read"}, []string{"system"}), header: []string{good}, reason: apierror.PermissionDenied, challenge: insufficient + `, scope="read"`},
		"invalid before scopes":   {policy: with([]string{"admin"}, nil), header: []string{expired}, reason: apierror.CredentialsInvalid, challenge: invalidBecause("the token has expired")},
		"missing, scopes unnamed": {policy: with([]string{"admin"}, nil), reason: apierror.CredentialsMissing, challenge: bare},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			x := serve(t, v, test.policy, test.header...)
			if x.challenge != test.challenge {
				t.Errorf("challenge %q, want %q", x.challenge, test.challenge)
			}
			if test.reason != "" {
				code := codes.Unauthenticated
				if test.reason == apierror.PermissionDenied {
					code = codes.PermissionDenied
				}
				refusal(t, x.err, code, test.reason)
			}
			if x.passed != (test.reason == "") || x.known != test.known {
				t.Errorf("passed %t, known %t", x.passed, x.known)
			}
			if test.known && x.principal.Subject != "user-1" {
				t.Errorf("subject %q", x.principal.Subject)
			}
		})
	}
}

func TestNewRefusesAPolicyThatCannotBeEnforced(t *testing.T) {
	full := Options{Verifier: newSigner(t).verifier(), OnError: func(http.ResponseWriter, *http.Request, error) {}}
	tests := map[string]struct {
		policy  policy.Auth
		options Options
		want    string
	}{
		"no verifier":         {policy.Auth{Requirement: policy.AuthRequired}, Options{OnError: full.OnError}, "auth: tokens are accepted, and there is no verifier of them"},
		"no verifier needed?": {policy.Auth{Requirement: policy.AuthOptional}, Options{OnError: full.OnError}, "auth: tokens are accepted, and there is no verifier of them"},
		"no error handler":    {policy.Auth{Requirement: policy.AuthRequired}, Options{Verifier: full.Verifier}, "auth: an error handler is required"},
		"no API keys": {
			policy.Auth{Requirement: policy.AuthRequired, Schemes: []policy.Scheme{policy.SchemeBearer, policy.SchemeAPIKey}}, full,
			"auth: API keys are accepted, and there are none",
		},
		"scopes of anybody":    {policy.Auth{Requirement: policy.AuthNone, Scopes: []string{"a"}}, full, "auth: scopes and roles need credentials to be required"},
		"roles if you like":    {policy.Auth{Requirement: policy.AuthOptional, Roles: []string{"a"}}, full, "auth: scopes and roles need credentials to be required"},
		"unknown requirement":  {policy.Auth{Requirement: 7}, full, "auth: unknown requirement 7"},
		"empty scope":          {policy.Auth{Requirement: policy.AuthRequired, Scopes: []string{""}}, full, `auth: "" is not a scope (RFC 6749, section 3.3)`},
		"scope breaks header":  {policy.Auth{Requirement: policy.AuthRequired, Scopes: []string{"a\r\nb"}}, full, `auth: "a\r\nb" is not a scope (RFC 6749, section 3.3)`},
		"scope breaks quoting": {policy.Auth{Requirement: policy.AuthRequired, Scopes: []string{`a"`}}, full, `auth: "a\"" is not a scope (RFC 6749, section 3.3)`},
		"empty role":           {policy.Auth{Requirement: policy.AuthRequired, Roles: []string{""}}, full, "auth: a role is empty"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := New(test.policy, test.options); err == nil || err.Error() != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
	if _, err := New(policy.Auth{Requirement: policy.AuthNone}, Options{}); err != nil {
		t.Errorf("no credentials: %v", err)
	}
}

func TestPolicyIsCopied(t *testing.T) {
	s := newSigner(t)
	p := policy.Auth{Requirement: policy.AuthRequired, Roles: []string{"system"}}
	var err error
	middleware, buildErr := New(p, Options{
		Verifier: s.verifier(),
		OnError:  func(_ http.ResponseWriter, _ *http.Request, refused error) { err = refused },
	})
	if buildErr != nil {
		t.Fatal(buildErr)
	}
	p.Roles[0] = "staff"
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+s.token(claims(map[string]any{"roles": "staff"})))
	middleware(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
	refusal(t, err, codes.PermissionDenied, apierror.PermissionDenied)
}

// TestPrincipalOfAProgram holds what a verifier of a program's own can say, and
// that it changes no principal that others hold.
func TestPrincipalOfAProgram(t *testing.T) {
	plain := NewPrincipal("ada", []string{"read"}, nil)
	full := plain.WithClaims(map[string]any{"plan": []any{"gold", "new"}}).WithKeyID("k7")
	if got := full.Claims("plan"); len(got) != 2 || got[0] != "gold" || full.KeyID() != "k7" || !full.HasScope("read") {
		t.Errorf("%v %q", got, full.KeyID())
	}
	if plain.KeyID() != "" || plain.Claims("plan") != nil {
		t.Errorf("the first was changed: %+v", plain)
	}
}
