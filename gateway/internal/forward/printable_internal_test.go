package forward

import (
	"strings"
	"testing"
)

func TestUnprintable(t *testing.T) {
	for length := range 20 {
		if got := unprintable(strings.Repeat("~ ", 10)[:length]); got != -1 {
			t.Errorf("%d printable bytes: %d", length, got)
		}
		for at := range length {
			for c := range 256 {
				text := []byte(strings.Repeat("a", length))
				text[at] = byte(c)
				want := -1
				if c < 0x20 || c > 0x7e {
					want = at
				}
				if got := unprintable(string(text)); got != want {
					t.Fatalf("byte %#x at %d of %d: %d, want %d", c, at, length, got, want)
				}
			}
		}
	}
	if got := unprintable("a\x01\x80\x7f\x00aaaaaaa"); got != 1 {
		t.Errorf("the first of several: %d", got)
	}
}

func FuzzUnprintable(f *testing.F) {
	f.Add("Bearer abc\x7f")
	f.Fuzz(func(t *testing.T, text string) {
		want := -1
		for i := range len(text) {
			if text[i] < 0x20 || text[i] > 0x7e {
				want = i
				break
			}
		}
		if got := unprintable(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	})
}
