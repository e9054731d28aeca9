package auth

import (
	"testing"
	"time"
)

// verifiedBy returns whom a token of the issuer with these changes speaks for.
func verifiedBy(t *testing.T, s signer, changes map[string]any) *Principal {
	t.Helper()
	p, err := s.verifier().Verify(t.Context(), s.token(claims(changes)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFingerprintTellsApartWhatAServiceMayRespondBy(t *testing.T) {
	s := newSigner(t)
	base := map[string]any{"scope": "read write", "roles": []any{"a", "b"}, "plan": "gold"}
	with := func(name string, value any) map[string]any {
		changed := map[string]any{name: value}
		for n, v := range base {
			if n != name {
				changed[n] = v
			}
		}
		return changed
	}
	want := verifiedBy(t, s, base).Fingerprint()
	if len(want) != 43 {
		t.Fatalf("fingerprint %q", want)
	}
	later := time.Now().Add(2 * time.Hour).Unix()
	for name, same := range map[string]map[string]any{
		"renewed":        with("exp", later),
		"another id":     with("jti", "x"),
		"scopes' order":  with("scope", "write read"),
		"a scope twice":  with("scope", []any{"read", "write", "read"}),
		"roles' order":   with("roles", []any{"b", "a"}),
		"issued at some": with("iat", time.Now().Unix()),
	} {
		if got := verifiedBy(t, s, same).Fingerprint(); got != want {
			t.Errorf("%s: another fingerprint", name)
		}
	}
	for name, other := range map[string]map[string]any{
		"fewer scopes":  with("scope", "read"),
		"other scopes":  with("scope", "readwrite"),
		"fewer roles":   with("roles", []any{"a"}),
		"a claim":       with("plan", "silver"),
		"another claim": with("tenant", "x"),
		"subject":       with("sub", "user-2"),
	} {
		if got := verifiedBy(t, s, other).Fingerprint(); got == want {
			t.Errorf("%s: the same fingerprint", name)
		}
	}
}

func TestFingerprintOfOtherPrincipals(t *testing.T) {
	base := NewPrincipal("ada", []string{"a"}, nil)
	seen := map[string]string{"": "nobody"}
	for name, p := range map[string]Principal{
		"plain":           base,
		"issuer":          base.WithIssuer("x"),
		"scheme":          base.WithScheme("x"),
		"key":             base.WithKeyID("x"),
		"claims":          base.WithClaims(map[string]any{"x": 1.0}),
		"role":            NewPrincipal("ada", nil, []string{"a"}),
		"exact numbers":   base.WithClaims(map[string]any{"x": []any{map[string]any{"y": float64(1 << 52)}}}),
		"lost digits":     base.WithClaims(map[string]any{"x": []any{map[string]any{"y": float64(1 << 53)}}}),
		"the same digits": base.WithClaims(map[string]any{"x": []any{map[string]any{"y": float64(1 << 53)}}}),
		"no form":         base.WithClaims(map[string]any{"x": func() {}}),
	} {
		got := p.Fingerprint()
		if other, taken := seen[got]; taken {
			t.Errorf("%s has the fingerprint of %s", name, other)
		}
		if again := p.Fingerprint(); again != got {
			t.Errorf("%s: a copy has another one", name)
		}
		seen[got] = name
	}
	changed := base // who changes a copy gets its own
	changed.Subject = "eve"
	if changed.Fingerprint() == base.Fingerprint() || changed.Fingerprint() == "" {
		t.Error("eve has ada's")
	}
	if (Principal{}).Fingerprint() != "" || (Principal{Subject: "x"}).Fingerprint() == "" {
		t.Error("nobody")
	}
}

func TestFingerprintIsFoundOnce(t *testing.T) {
	p := NewPrincipal("ada", []string{"a"}, nil)
	p.Fingerprint()
	if n := testing.AllocsPerRun(10, func() { p.Fingerprint() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestPrincipalsSayHowTheyWereVerified(t *testing.T) {
	s := newSigner(t)
	p := verifiedBy(t, s, nil)
	if p.Scheme() != SchemeBearer || p.Issuer() != testIssuer {
		t.Errorf("a token: %q of %q", p.Scheme(), p.Issuer())
	}
	own := NewPrincipal("ada", nil, nil)
	if named, err := withScheme(&own, nil, SchemeAPIKey); err != nil || named.Scheme() != SchemeAPIKey || own.Scheme() != "" {
		t.Errorf("a verifier's own: %+v, %v", named, err)
	}
	other := own.WithScheme("mtls")
	if named, _ := withScheme(&other, nil, SchemeBearer); named != &other {
		t.Error("what a verifier has named is changed")
	}
}
