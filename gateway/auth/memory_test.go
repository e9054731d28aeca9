package auth

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
)

func TestRememberedTokenEndsWhenItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigner(t)
		v := s.verifier()
		token := s.token(claims(map[string]any{"exp": time.Now().Add(time.Minute).Unix()}))
		for range 2 {
			p, err := v.Verify(t.Context(), token)
			if err != nil || p.Subject == "" {
				t.Fatalf("%+v, %v", p, err)
			}
		}
		if size := v.memory.principals.EstimatedSize(); size != 1 {
			t.Errorf("%d tokens remembered", size)
		}
		time.Sleep(time.Minute + defaultLeeway - time.Second) // virtual
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Errorf("within the leeway: %v", err)
		}
		time.Sleep(time.Second) // virtual
		_, err := v.Verify(t.Context(), token)
		if message := refusal(t, err, codes.Unauthenticated, apierror.CredentialsInvalid); !strings.Contains(message, "expired") {
			t.Errorf("refused with %q", message)
		}
		if size := v.memory.principals.EstimatedSize(); size != 0 {
			t.Errorf("%d tokens remembered", size)
		}
	})
}

func TestOnlyVerifiedTokensAreRemembered(t *testing.T) {
	s := newSigner(t)
	v := s.verifier()
	valid := s.token(claims(nil))
	for _, token := range []string{
		valid[:strings.LastIndex(valid, ".")] + ".AAAA", // another signature
		newSigner(t).token(claims(nil)),
		s.token(claims(map[string]any{"exp": 1})),
		s.token(claims(map[string]any{"aud": "somebody else"})),
		"guess",
	} {
		if _, err := v.Verify(t.Context(), token); err == nil {
			t.Errorf("%s is believed", token)
		}
	}
	if size := v.memory.principals.EstimatedSize(); size != 0 {
		t.Errorf("%d tokens remembered", size)
	}
	if _, err := v.Verify(t.Context(), valid); err != nil {
		t.Error(err)
	}
}
