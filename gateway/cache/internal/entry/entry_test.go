package entry

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

	"github.com/venta-hq/venta/gateway/cache/internal/memory"
	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

var testKey = memory.Key{Scope: "a.B.C@1", Host: "h", Principal: "p\x00", Request: "\x01\x02"}

// testResponse has something of everything.
func testResponse(now time.Time) *memory.Response {
	header := http.Header{
		"Content-Type": {"text/plain"}, "Link": {"</a>", "</b>"}, "Etag": {`"1"`},
		"Last-Modified": {"Mon, 02 Jan 2006 15:04:05 GMT"}, "Vary": {"Accept"},
	}
	return memory.NewResponse(header, []byte("body\x00"), memory.Terms{
		Selectors: []rfc9111.Selector{{Name: "Accept", Lines: []string{"a", ""}}, {Name: "X-None"}},
		Requested: time.UnixMicro(1_700_000_000_000_000),
		Status:    200,
		Validate:  true,
		Freshness: rfc9111.Freshness{
			Born: now.Add(-3 * time.Second), Lifetime: time.Minute,
			StaleWhileRevalidate: 2 * time.Second, StaleIfError: time.Hour, MayBeStale: true,
		},
	}, testKey, nil)
}

// TestEntry reads what was written, by a process whose clock is another and some
// time later.
func TestEntry(t *testing.T) {
	written := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	v := testResponse(written)
	encoded, keep := Encode(v, testKey, written)
	if want := time.Hour + 57*time.Second; keep != want {
		t.Errorf("kept for %v, want %v", keep, want)
	}
	now := written.Add(-72 * time.Hour)
	stamps := memory.NewGenerations(8).Stamp([]string{"a"})
	found, err := Decode(encoded, testKey, keep-5*time.Second, stamps, now)
	if err != nil {
		t.Fatal(err)
	}
	got := found.Response
	if got.Age(now) != 8*time.Second {
		t.Errorf("age %v, want 3s before and 5s since", got.Age(now))
	}
	terms := v.Terms
	terms.Born = got.Born
	want := memory.Restored(v.Fields, v.Body, terms, testKey, stamps)
	if !reflect.DeepEqual(want, got) || got.ETag != v.ETag || got.ETag == "" || !got.Modified.Equal(v.Modified) || got.Modified.IsZero() {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
}

func TestVary(t *testing.T) {
	names := []string{"Accept", "X-Kind"}
	found, err := Decode(EncodeVary(names, testKey), testKey, time.Second, nil, time.Now())
	if err != nil || !slices.Equal(found.Vary, names) || found.Response != nil {
		t.Errorf("%+v %v", found, err)
	}
}

// TestForeignEntries never takes an entry of one key for that of another,
// however their parts join.
func TestForeignEntries(t *testing.T) {
	encoded, _ := Encode(testResponse(time.Now()), testKey, time.Now())
	tests := []memory.Key{
		{},
		{Scope: "a.B.C@2", Host: "h", Principal: "p\x00", Request: "\x01\x02"},
		{Scope: "a.B.C@1", Host: "", Principal: "p\x00", Request: "\x01\x02"},
		{Scope: "a.B.C@1", Host: "h", Principal: "", Request: "\x01\x02"},
		{Scope: "a.B.C@1", Host: "hp\x00", Principal: "", Request: "\x01\x02"},
		{Scope: "a.B.C@1", Host: "h", Principal: "p\x00\x01", Request: "\x02"},
		{Scope: "a.B.C@1", Host: "h", Principal: "p\x00", Request: "\x01\x02\x03"},
		{Scope: "a.B.C@1", Host: "h", Principal: "p\x00", Request: "\x01\x02", Forwarded: "f"},
		{Scope: "a.B.C@1", Host: "h", Principal: "p\x00", Request: "\x01", Forwarded: "\x02"},
	}
	seen := map[[32]byte]bool{Key(testKey, ""): true}
	for _, k := range tests {
		if _, err := Decode(encoded, k, time.Hour, nil, time.Now()); !errors.Is(err, ErrForeign) {
			t.Errorf("%+v: %v", k, err)
		}
		if seen[Key(k, "")] {
			t.Errorf("%+v has the key of another", k)
		}
		seen[Key(k, "")] = true
	}
}

// TestDamage changes, cuts and lengthens an entry at every byte. Behind a
// checksum that is right again, most of that is refused; what is not must be
// harmless.
func TestDamage(t *testing.T) {
	whole, _ := Encode(testResponse(time.Now()), testKey, time.Now())
	refused := func(what string, b []byte) {
		t.Helper()
		if _, err := Decode(b, testKey, time.Hour, nil, time.Now()); !errors.Is(err, ErrCorrupt) {
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
	other[len(magic)]++
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

// FuzzDecode reads anything behind a right checksum.
func FuzzDecode(f *testing.F) {
	whole, _ := Encode(testResponse(time.Now()), testKey, time.Now())
	f.Add(whole)
	f.Add(EncodeVary([]string{"Accept"}, testKey))
	f.Add([]byte("vc\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = summed(b)
		now := time.Now()
		found, err := Decode(b, testKey, time.Minute, nil, now)
		if err != nil || found.Response == nil {
			return
		}
		v := found.Response
		if v.Weight() < int64(len(v.Body)) || v.Weight() > int64(len(b))*1000 || v.Age(now) < 0 {
			t.Errorf("weight %d of %d bytes, age %v", v.Weight(), len(b), v.Age(now))
		}
		for i := range v.Fields {
			if !rfc9111.IsStored(v.Fields[i].Name) || strings.EqualFold(v.Fields[i].Name, "Set-Cookie") {
				t.Errorf("field %q", v.Fields[i].Name)
			}
		}
		again, _ := Encode(v, testKey, now)
		if _, err := Decode(again, testKey, time.Minute, nil, now); err != nil {
			t.Errorf("what was read is not written so that it can be read: %v", err)
		}
	})
}
