package rfc9111

import (
	"net/http"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestVaryKeyTellsRequestsApart draws lines from the characters that the key
// itself is written with.
func TestVaryKeyTellsRequestsApart(t *testing.T) {
	names := []string{"A", "B"}
	line := rapid.StringMatching(`[:;0-3x]{0,4}`)
	header := rapid.Custom(func(t *rapid.T) http.Header {
		return http.Header{
			"A": rapid.SliceOfN(line, 0, 3).Draw(t, "a"),
			"B": rapid.SliceOfN(line, 0, 3).Draw(t, "b"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		one, two := header.Draw(t, "one"), header.Draw(t, "two")
		same := slices.Equal(one["A"], two["A"]) && slices.Equal(one["B"], two["B"])
		if got := VaryKey(one, names) == VaryKey(two, names); got != same {
			t.Fatalf("keys equal: %v, requests equal: %v", got, same)
		}
		if got := Selected(two, Selectors(one, names)); got != same {
			t.Fatalf("selected: %v, requests equal: %v", got, same)
		}
	})
}

// TestVaryNames is section 4.1.
func TestVaryNames(t *testing.T) {
	tests := []struct {
		own   []string
		lines []string
		want  []string
		ok    bool
	}{
		{nil, nil, nil, true},
		{[]string{"A", "Accept-Encoding"}, nil, []string{"A"}, true},
		{[]string{"A"}, []string{"b, a", " ,C"}, []string{"A", "B", "C"}, true},
		{nil, []string{"accept-encoding, x"}, []string{"X"}, true},
		{[]string{"A"}, []string{"x, *"}, nil, false},
	}
	for _, test := range tests {
		got, ok := VaryNames(test.own, http.Header{"Vary": test.lines})
		if !slices.Equal(got, test.want) || ok != test.ok {
			t.Errorf("%q, %q: %q %v, want %q %v", test.own, test.lines, got, ok, test.want, test.ok)
		}
	}
}

// TestAddVary is RFC 9110, section 12.5.5: names are listed once, in any case.
func TestAddVary(t *testing.T) {
	header := http.Header{"Vary": {"accept, X-A"}}
	AddVary(header, []string{"Accept", "X-B"})
	if want := []string{"accept, X-A", "X-B"}; !reflect.DeepEqual(header["Vary"], want) {
		t.Errorf("got %q, want %q", header["Vary"], want)
	}
}
