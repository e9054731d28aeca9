package process

import (
	"context"
	"encoding/pem"
	"errors"
	"path/filepath"
	"testing"
	"time"
)

// TestNextToExpire holds which of several credentials of a file counts.
func TestNextToExpire(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	ends := func(at ...int64) []span {
		var all []span
		for _, second := range at {
			all = append(all, span{until: time.Unix(second, 0)})
		}
		return all
	}
	for name, c := range map[string]struct {
		kind  credentialKind
		spans []span
		want  int64
	}{
		"a chain is void with the first of it":             {certificate, ends(3000, 2000, 500), 500},
		"an authority that has expired hides no other":     {authority, ends(3000, 500, 2000), 2000},
		"all authorities have expired":                     {authority, ends(300, 500), 500},
		"a key that has expired is what somebody intended": {apiKey, ends(500, 4000), 4000},
		"one that expires now":                             {apiKey, ends(1000, 4000), 4000},
	} {
		if got := (expiring{kind: c.kind, spans: c.spans}).next(now).until.Unix(); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestWhatFilesSayOfTheirEnd reads each kind of file. What is none of its kind, or never
// expires, has no end.
func TestWhatFilesSayOfTheirEnd(t *testing.T) {
	t.Parallel()
	broken := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("none")}))
	for content, c := range map[string]struct {
		kind credentialKind
		want []int64
	}{
		`{"keys":[{"kty":"OKP","exp":1900000000},{"kty":"OKP"}]}`:                {signingKey, []int64{1900000000}},
		`{"keys":[{"kty":"OKP","exp":"never"}]}`:                                 {signingKey, nil},
		`[{"id":"a","expires":"2030-01-01T00:00:00Z"},{"id":"b","subject":"c"}]`: {apiKey, []int64{1893456000}},
		`{}`:   {apiKey, nil},
		``:     {certificate, nil},
		broken: {authority, nil},
	} {
		var got []int64
		for _, s := range spansOf(c.kind, []byte(content)) {
			got = append(got, s.until.Unix())
		}
		if len(got) != len(c.want) || len(got) > 0 && got[0] != c.want[0] {
			t.Errorf("%s %q: %v, want %v", c.kind, content, got, c.want)
		}
	}
}

// TestDisk asks the system, and one that never responds.
func TestDisk(t *testing.T) {
	t.Parallel()
	missing := newDisk("data", filepath.Join(t.TempDir(), "not", "there"))
	if s, ok := missing.space(t.Context()); !ok || s.size <= 0 || s.free < 0 || s.free > s.size {
		t.Errorf("%+v, %v", s, ok)
	}
	if s, ok := (&disk{look: func(string) (space, error) { return space{}, errors.ErrUnsupported }, looking: make(chan struct{}, 1)}).space(t.Context()); ok {
		t.Errorf("a file system that fails has %+v", s)
	}
	asked, respond := make(chan struct{}, 2), make(chan struct{})
	silent := &disk{looking: make(chan struct{}, 1), look: func(string) (space, error) {
		asked <- struct{}{}
		<-respond
		return space{size: 1}, nil
	}}
	over, end := context.WithCancel(t.Context())
	end()
	for range 3 { // the first look stays; nobody waits for it, and there is no second
		if s, ok := silent.space(over); ok {
			t.Errorf("a file system that does not respond has %+v", s)
		}
	}
	close(respond)
	<-asked
	silent.looking <- struct{}{} // the look has ended
	if len(asked) != 0 {
		t.Error("it was asked again before it responded")
	}
}
