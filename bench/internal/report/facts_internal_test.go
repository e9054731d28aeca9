package report

import "testing"

func TestParseModel(t *testing.T) {
	for info, want := range map[string]string{
		"processor\t: 0\nmodel\t\t: 17\nmodel name\t: ACME 9 @ 3 GHz\nmodel name\t: other\n": "ACME 9 @ 3 GHz",
		"processor\t: 0\nBogoMIPS\t: 50\n":                                                   "unknown CPU",
		"":                                                                                   "unknown CPU",
	} {
		if got := parseModel(info); got != want {
			t.Errorf("%q: %q, want %q", info, got, want)
		}
	}
}
