package auth

import (
	"testing"
	"time"
)

// BenchmarkVerify tells what a token costs the first time and when it comes
// again.
func BenchmarkVerify(b *testing.B) {
	s := newSigner(b)
	v, token := s.verifier(), s.token(claims(nil))
	b.Run("first", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.verify(b.Context(), token, time.Now()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("again", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Verify(b.Context(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
}
