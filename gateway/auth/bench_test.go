package auth

import "testing"

func BenchmarkVerify(b *testing.B) {
	s := newSigner(b)
	v, token := s.verifier(), s.token(claims(nil))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(token); err != nil {
			b.Fatal(err)
		}
	}
}
