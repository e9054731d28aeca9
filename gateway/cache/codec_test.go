package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

var codecKey = key{scope: "a.B.C@1", host: "h", principal: "p\x00", request: "\x01\x02"}

// codecVariant has something of everything.
func codecVariant(now time.Time) *variant {
	header := http.Header{
		"Content-Type": {"text/plain"}, "Link": {"</a>", "</b>"}, "Etag": {`"1"`},
		"Last-Modified": {"Mon, 02 Jan 2006 15:04:05 GMT"}, "Vary": {"Accept"},
	}
	return newVariant(header, []byte("body\x00"), plan{
		selectors: []rfc9111.Selector{{Name: "Accept", Lines: []string{"a", ""}}, {Name: "X-None"}},
		status:    200,
		Freshness: rfc9111.Freshness{
			Born: now.Add(-3 * time.Second), Lifetime: time.Minute,
			StaleWhileRevalidate: 2 * time.Second, StaleIfError: time.Hour, MayBeStale: true,
		},
	}, codecKey, nil)
}

// TestCodec reads what was written, by a process whose clock is another and some
// time later.
func TestCodec(t *testing.T) {
	written := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	v := codecVariant(written)
	encoded, keep := encodeVariant(v, codecKey, written)
	if want := time.Hour + 57*time.Second; keep != want {
		t.Errorf("kept for %v, want %v", keep, want)
	}
	now := written.Add(-72 * time.Hour)
	stamps := []stamp{{1, 2}}
	found, err := decodeEntry(encoded, codecKey, keep-5*time.Second, stamps, now)
	if err != nil {
		t.Fatal(err)
	}
	got := found.variant
	if got.Age(now) != 8*time.Second {
		t.Errorf("age %v, want 3s before and 5s since", got.Age(now))
	}
	want := *v
	want.Born, want.stamps, want.live = got.Born, stamps, got.live
	want.weight = want.weigh(codecKey)
	if !reflect.DeepEqual(&want, got) {
		t.Errorf("got\n%+v, want\n%+v", got, &want)
	}
}

func TestCodecVary(t *testing.T) {
	names := []string{"Accept", "X-Kind"}
	found, err := decodeEntry(encodeVary(names, codecKey), codecKey, time.Second, nil, time.Now())
	if err != nil || !slices.Equal(found.vary, names) || found.variant != nil {
		t.Errorf("%+v %v", found, err)
	}
}

// TestCodecRefusesOthers never takes an entry of one key for that of another,
// however their parts join.
func TestCodecRefusesOthers(t *testing.T) {
	encoded, _ := encodeVariant(codecVariant(time.Now()), codecKey, time.Now())
	tests := []key{
		{},
		{scope: "a.B.C@2", host: "h", principal: "p\x00", request: "\x01\x02"},
		{scope: "a.B.C@1", host: "", principal: "p\x00", request: "\x01\x02"},
		{scope: "a.B.C@1", host: "h", principal: "", request: "\x01\x02"},
		{scope: "a.B.C@1", host: "hp\x00", principal: "", request: "\x01\x02"},
		{scope: "a.B.C@1", host: "h", principal: "p\x00\x01", request: "\x02"},
		{scope: "a.B.C@1", host: "h", principal: "p\x00", request: "\x01\x02\x03"},
	}
	seen := map[RemoteKey]bool{codecKey.remote(""): true}
	for _, k := range tests {
		if _, err := decodeEntry(encoded, k, time.Hour, nil, time.Now()); !errors.Is(err, errForeign) {
			t.Errorf("%+v: %v", k, err)
		}
		if seen[k.remote("")] {
			t.Errorf("%+v has the key of another", k)
		}
		seen[k.remote("")] = true
	}
}

// TestCodecDamage changes, cuts and lengthens an entry at every byte. Behind a
// checksum that is right again, most of that is refused; what is not must be
// harmless.
func TestCodecDamage(t *testing.T) {
	whole, _ := encodeVariant(codecVariant(time.Now()), codecKey, time.Now())
	refused := func(what string, b []byte) {
		t.Helper()
		if _, err := decodeEntry(b, codecKey, time.Hour, nil, time.Now()); !errors.Is(err, errCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("nothing", nil)
	for i := range whole {
		refused("cut", whole[:i])
		refused("cut and summed", summed(whole[:i]))
		changed := bytes.Clone(whole)
		changed[i] ^= 0x10
		refused("changed", changed)
	}
	refused("lengthened", append(bytes.Clone(whole), 0))
	refused("lengthened and summed", summed(append(bytes.Clone(whole), 0)))
	other := bytes.Clone(whole)
	other[len(entryMagic)]++
	refused("another version", summed(other))
	other = bytes.Clone(whole)
	other[headBytes] = 9
	refused("another kind", summed(other))
}

// summed gives an entry the right checksum.
func summed(b []byte) []byte {
	b = bytes.Clone(b)
	if len(b) > headBytes {
		binary.BigEndian.PutUint32(b[headBytes-crc32.Size:], crc32.Checksum(b[headBytes:], castagnoli))
	}
	return b
}

// FuzzDecodeEntry reads anything behind a right checksum.
func FuzzDecodeEntry(f *testing.F) {
	whole, _ := encodeVariant(codecVariant(time.Now()), codecKey, time.Now())
	f.Add(whole)
	f.Add(encodeVary([]string{"Accept"}, codecKey))
	f.Add([]byte("vc\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = summed(b)
		now := time.Now()
		found, err := decodeEntry(b, codecKey, time.Minute, nil, now)
		if err != nil || found.variant == nil {
			return
		}
		v := found.variant
		if v.weight < int64(len(v.body)) || v.weight > int64(len(b))*1000 || v.Age(now) < 0 {
			t.Errorf("weight %d of %d bytes, age %v", v.weight, len(b), v.Age(now))
		}
		for i := range v.fields {
			if !rfc9111.IsStored(v.fields[i].name) || strings.EqualFold(v.fields[i].name, "Set-Cookie") {
				t.Errorf("field %q", v.fields[i].name)
			}
		}
		again, _ := encodeVariant(v, codecKey, now)
		if _, err := decodeEntry(again, codecKey, time.Minute, nil, now); err != nil {
			t.Errorf("what was read is not written so that it can be read: %v", err)
		}
	})
}
