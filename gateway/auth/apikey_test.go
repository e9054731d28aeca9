package auth

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
)

// newKey makes a key and a ring that knows it.
func newKey(t *testing.T, entry APIKey) (string, *APIKeys) {
	t.Helper()
	key, complete, err := NewAPIKey(entry)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := NewAPIKeys([]APIKey{complete})
	if err != nil {
		t.Fatal(err)
	}
	return key, ring
}

func present(t *testing.T, o Options, p policy.Auth, header http.Header) exchange {
	t.Helper()
	var x exchange
	o.OnError = func(w http.ResponseWriter, _ *http.Request, err error) {
		x.err, x.challenge = err, w.Header().Get("WWW-Authenticate")
	}
	middleware, err := New(p, o)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/v2/vendors", nil)
	r.Header = header
	middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		x.passed = true
		x.principal, x.known = FromContext(r.Context())
	})).ServeHTTP(httptest.NewRecorder(), r)
	return x
}

func TestAPIKeys(t *testing.T) {
	s := newSigner(t)
	token := "Bearer " + s.token(claims(nil))
	key, ring := newKey(t, APIKey{ID: "ci", Subject: "robot", Roles: []string{"staff"}, Claims: map[string]any{"plan": "gold"}})
	only := policy.Auth{Requirement: policy.AuthRequired, Schemes: []policy.Scheme{policy.SchemeAPIKey}}
	both := policy.Auth{Requirement: policy.AuthRequired, Schemes: []policy.Scheme{policy.SchemeAPIKey, policy.SchemeBearer}}
	optional := policy.Auth{Requirement: policy.AuthOptional, Schemes: []policy.Scheme{policy.SchemeAPIKey}}
	staff := only
	staff.Roles = []string{"staff"}
	boss := only
	boss.Roles = []string{"boss"}
	const bearer, keyed = `Bearer realm="venta"`, `ApiKey realm="venta"`
	tests := map[string]struct {
		policy    policy.Auth
		keys      []string
		token     string
		subject   string // of who passes; "-": nobody passes
		reason    apierror.Reason
		challenge string
	}{
		"key":                         {only, []string{key}, "", "robot", "", ""},
		"key with the role":           {staff, []string{key}, "", "robot", "", ""},
		"key without the role":        {boss, []string{key}, "", "-", apierror.PermissionDenied, keyed},
		"none":                        {only, nil, "", "-", apierror.CredentialsMissing, keyed},
		"none, optional":              {optional, nil, "", "", "", ""},
		"wrong, optional":             {optional, []string{"vk_wrong"}, "", "-", apierror.CredentialsInvalid, keyed},
		"wrong":                       {only, []string{key + "x"}, "", "-", apierror.CredentialsInvalid, keyed},
		"empty":                       {only, []string{""}, "", "-", apierror.CredentialsInvalid, keyed},
		"the hash is no key":          {only, []string{anyHash(t, ring)}, "", "-", apierror.CredentialsInvalid, keyed},
		"too long":                    {only, []string{strings.Repeat("k", maxAPIKeySize+1)}, "", "-", apierror.CredentialsInvalid, keyed},
		"two keys":                    {only, []string{key, key}, "", "-", apierror.CredentialsInvalid, keyed},
		"a token is not looked at":    {only, nil, token, "-", apierror.CredentialsMissing, keyed},
		"key beside a foreign token":  {only, []string{key}, "Bearer x", "robot", "", ""},
		"key where both are accepted": {both, []string{key}, "", "robot", "", ""},
		"token where both are":        {both, nil, token, "user-1", "", ""},
		"key and token": {both, []string{key}, token, "-", apierror.CredentialsInvalid,
			bearer + `, error="invalid_token", error_description="the request has a token and an API key; send one of them"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			header := http.Header{}
			if test.keys != nil {
				header[APIKeyHeader] = test.keys
			}
			if test.token != "" {
				header.Set("Authorization", test.token)
			}
			x := present(t, Options{Verifier: s.verifier(), APIKeys: ring}, test.policy, header)
			if x.passed != (test.subject != "-") || x.passed && x.principal.Subject != test.subject || x.challenge != test.challenge {
				t.Errorf("passed %t as %q, challenge %q", x.passed, x.principal.Subject, x.challenge)
			}
			if test.reason != "" {
				code := codes.Unauthenticated
				if test.reason == apierror.PermissionDenied {
					code = codes.PermissionDenied
				}
				refusal(t, x.err, code, test.reason)
			}
			if test.subject == "robot" && (x.principal.KeyID() != "ci" || len(x.principal.Claims("plan")) != 1) {
				t.Errorf("principal %+v", x.principal)
			}
		})
	}
}

func anyHash(t *testing.T, ring *APIKeys) string {
	t.Helper()
	for sum := range ring.byHash {
		return string(sum[:])
	}
	t.Fatal("no key")
	return ""
}

func TestAPIKeyExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, ring := newKey(t, APIKey{ID: "a", Subject: "b", Expires: time.Now().Add(time.Hour)})
		if _, err := ring.VerifyKey(t.Context(), key); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		_, err := ring.VerifyKey(t.Context(), key)
		refusal(t, err, codes.Unauthenticated, apierror.CredentialsInvalid)
	})
}

func TestLoadAPIKeys(t *testing.T) {
	key, entry, err := NewAPIKey(APIKey{ID: "a", Subject: "b"})
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "keys.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	encoded, err := json.Marshal([]APIKey{entry})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(encoded), key) {
		t.Error("the entry holds the key itself")
	}
	ring, err := LoadAPIKeys(write(string(encoded)))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := ring.VerifyKey(t.Context(), key); err != nil || p.Subject != "b" {
		t.Errorf("%v, %v", p, err)
	}
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"no JSON":       {"{", []string{"keys.json"}},
		"unknown field": {`[{"id":"a","secret":"b"}]`, []string{`"secret"`}},
		"every fault":   {`[{"id":"a","sha256":"00"},{"sha256":"` + entry.SHA256 + `"}]`, []string{"entry 1: sha256", "entry 2: it has no id"}},
		"same id twice": {`[` + entryOf(t, "a", 1) + `,` + entryOf(t, "a", 2) + `]`, []string{`entry 2: the id "a" is taken`}},
		"same key":      {`[` + entryOf(t, "a", 1) + `,` + entryOf(t, "b", 1) + `]`, []string{`entry 2: the key of "b" is there twice`}},
		"no subject":    {strings.Replace(string(encoded), `"subject":"b"`, `"subject":""`, 1), []string{"entry 1: the subject"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := LoadAPIKeys(write(test.text))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in %v", want, err)
				}
			}
		})
	}
	if _, err := LoadAPIKeys(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there is no error")
	}
}

func entryOf(t *testing.T, id string, n int) string {
	t.Helper()
	encoded, err := json.Marshal(APIKey{ID: id, Subject: "s", SHA256: strings.Repeat("0", 63) + string(rune('0'+n))})
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}
