package compression

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	all := []Coding{Zstd, Brotli, Gzip}
	tests := []struct {
		lines   []string
		offered []Coding
		want    Coding
	}{
		{nil, all, identity},
		{[]string{""}, all, identity},
		{[]string{" , ,, "}, all, identity},
		{[]string{"gzip"}, all, Gzip},
		{[]string{"x-gzip"}, all, Gzip},
		{[]string{"GZip;Q=1"}, all, Gzip},
		{[]string{"gzip, deflate, br, zstd"}, all, Zstd},
		{[]string{"gzip, deflate, br"}, all, Brotli},
		{[]string{"gzip, deflate, br, zstd"}, []Coding{Gzip, Brotli}, Gzip},
		{[]string{"gzip", "br"}, all, Brotli},
		{[]string{"deflate, compress"}, all, identity},
		{[]string{"gzip;q=0.9, br;q=0.8, zstd;q=0.7"}, all, Gzip},
		{[]string{"gzip;q=0.001, br;q=0.002"}, all, Brotli},
		{[]string{"gzip\t; \tq=0.5 ,br ;q=0.4"}, all, Gzip},
		{[]string{"gzip;q=0"}, all, identity},
		{[]string{"gzip;q=0.000, br;q=1.000"}, all, Brotli},
		{[]string{"*"}, all, Zstd},
		{[]string{"*;q=0"}, all, identity},
		{[]string{"*, zstd;q=0"}, all, Brotli},
		{[]string{"gzip;q=0.3, *;q=0.5"}, all, Zstd},
		{[]string{"gzip, *;q=0"}, all, Gzip},
		{[]string{"identity"}, all, identity},
		{[]string{"identity, gzip"}, all, Gzip},
		{[]string{"identity;q=1, gzip;q=0.5"}, all, identity},
		{[]string{"identity;q=0.5, gzip;q=0.5"}, all, Gzip},
		{[]string{"*, gzip;q=0.5"}, []Coding{Gzip}, identity}, // "*" is identity, too
		{[]string{"identity;q=0"}, all, identity},             // nothing else is acceptable: not 406
		{[]string{"identity;q=0, *"}, all, Zstd},
		{[]string{"identity;q=0, *;q=0, gzip;q=0.1"}, all, Gzip},
		// in doubt not compressed
		{[]string{"gzip;q=1.001"}, all, identity},
		{[]string{"gzip;q=2"}, all, identity},
		{[]string{"gzip;q=0.1234"}, all, identity},
		{[]string{"gzip;q=-1"}, all, identity},
		{[]string{"gzip;q="}, all, identity},
		{[]string{"gzip;q=.5"}, all, identity},
		{[]string{"gzip;q=0,5"}, all, identity},
		{[]string{"gzip;q=0.5;x=1"}, all, identity},
		{[]string{"gzip;x=1"}, all, identity},
		{[]string{"gzip;"}, all, identity},
		{[]string{"gzip q=1"}, all, identity},
		{[]string{"gzip, gzip;q=0"}, all, identity},
		{[]string{"gzip;q=0, gzip"}, all, identity},
		{[]string{"gzip;q=0, x-gzip"}, all, identity},
		{[]string{"gzip;q=1:"}, all, identity},
		{[]string{"gzip;q=0.a"}, all, identity},
	}
	for _, tt := range tests {
		if got := parseAccept(tt.lines).choose(tt.offered); got != tt.want {
			t.Errorf("%q of %v: %s, want %s", tt.lines, tt.offered, got, tt.want)
		}
	}
}

func TestParseWeight(t *testing.T) {
	for s, want := range map[string]weight{
		"q=0": 0, "q=1": 1000, "q=0.": 0, "q=1.": 1000, "q=0.5": 500, "q=0.05": 50, "q=0.005": 5, "q=0.999": 999,
		"q=1.000": 1000, "q=1.001": 0, "q=0.5 ": 0, "q =1": 0, "Q=1": 1000, "p=1": 0, "": 0, "q": 0, "\x11=1": 0,
	} {
		if got := parseWeight(s); got != want {
			t.Errorf("parseWeight(%q) = %d, want %d", s, got, want)
		}
	}
}

var member = regexp.MustCompile(`^[ \t]*([^; \t]+)[ \t]*(;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*|(;(?s:.*)))?$`)

// reference is parseAccept as the grammar has it, slow and short.
func reference(lines []string) preferences {
	p := preferences{unnamed, unnamed, unnamed, unnamed, unnamed}
	for m := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		parts := member.FindStringSubmatch(m)
		if parts == nil {
			continue
		}
		c, ok := map[string]Coding{"gzip": Gzip, "x-gzip": Gzip, "br": Brotli, "zstd": Zstd, "identity": identity, "*": others}[strings.ToLower(parts[1])]
		if !ok {
			continue
		}
		q := 1.0
		switch {
		case parts[4] != "":
			q = 0
		case parts[2] != "":
			q, _ = strconv.ParseFloat(parts[3], 64)
		}
		if w := weight(q*1000 + 0.5); p[c] == unnamed || w < p[c] {
			p[c] = w
		}
	}
	return p
}

func FuzzParseAccept(f *testing.F) {
	for _, seed := range []string{
		"", "gzip, deflate, br, zstd", "gzip;q=0.5, *;q=0", "identity;q=0", "br;q=1.000,\tx-gzip ; q=0.123", "gzip;q=1.001", "*;q", "gzip;q=0.5;q=1",
	} {
		f.Add(seed, "br")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, s := range a + b { // beyond it lower case is not the grammar's
			if s >= 0x80 {
				return
			}
		}
		got := parseAccept([]string{a, b})
		if want := reference([]string{a, b}); got != want {
			t.Fatalf("%q, %q: %v, want %v", a, b, got, want)
		}
		if joined := parseAccept([]string{a + "," + b}); joined != got {
			t.Fatalf("%q, %q: joined %v, apart %v", a, b, joined, got)
		}
		if c := got.choose([]Coding{Brotli, Gzip}); c != identity && (c == Zstd || got.of(c) <= 0) {
			t.Fatalf("%q, %q: %s is not accepted", a, b, c)
		}
	})
}

func FuzzCutTag(f *testing.F) {
	for _, seed := range []string{`"a", W/"b-gzip"`, `W/"`, `"a,b", , "c`, `*`, `"-br"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		for tag, rest, ok := cutTag(list); ok; tag, rest, ok = cutTag(rest) {
			if len(rest) >= len(list) {
				t.Fatalf("%q makes no progress", list)
			}
			list = rest
			again, rest, ok := cutTag(tag.String())
			if !ok || again != tag || rest != "" {
				t.Fatalf("%q is read as %q", tag, again)
			}
		}
	})
}
