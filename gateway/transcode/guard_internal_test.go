package transcode

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func readGuarded(text string, mask bool, wrap func(io.Reader) io.Reader) error {
	g := guarded(context.Background(), wrap(strings.NewReader(text)), mask)
	defer g.free()
	var raw json.RawMessage
	return json.NewDecoder(g).Decode(&raw)
}

func TestGuardBounds(t *testing.T) {
	wraps := map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader,
	}
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	lists := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	typed := func(name string, n, size int) string {
		return strings.Repeat(`{"`+name+`":"t","value":`, n) + `"` + strings.Repeat("x", size) + `"` + strings.Repeat("}", n)
	}
	long := strings.Repeat("n", 8000)
	tests := []struct {
		name, text string
		mask       bool
		want       error
	}{
		{"the deepest", deep(maxDepth), false, nil},
		{"deeper", deep(maxDepth + 1), false, errTooDeep},
		{"the deepest list", lists(maxDepth), false, nil},
		{"deeper list", lists(maxDepth + 1), false, errTooDeep},
		{"brackets in text", `{"a":"` + strings.Repeat("[{", 500) + `","` + strings.Repeat("{", 500) + `":1}`, true, nil},
		{"quotes in text", `{"a":"\"` + strings.Repeat("{", 500) + `\\","b":[]}`, true, nil},
		{"one after the other", strings.Repeat("{}", 3), false, nil},
		{"wide", "[" + strings.Repeat("{},", 100000) + "{}]", false, nil},
		{"a square mask", strings.Repeat(`{"`+long+`":`, 99) + "1" + strings.Repeat("}", 99), true, errMask},
		{"the same without a mask", strings.Repeat(`{"`+long+`":`, 99) + "1" + strings.Repeat("}", 99), false, nil},
		{"the same in a list", `{"a":[` + strings.Repeat(`{"`+long+`":`, 90) + "1" + strings.Repeat("}", 90) + "]}", true, nil},
		{"a wide mask", `{"a":{"x":1` + strings.Repeat(`,"bbbbb":1`, 100000) + `}}`, true, nil},
		{"Any around much", typed("@type", 1, 4<<20), false, nil},
		{"Any in Any around much", typed("@type", 50, 1<<20), false, errTooTyped},
		{"escaped names", typed(`\u0040type`, 50, 1<<20), false, errTooTyped},
		{"escaped to the last", typed(`\u0040\u0074\u0079\u0070\u0065`, 50, 1<<20), false, errTooTyped},
		{"names that are others", typed("@types", 50, 1<<20), false, nil},
		{"Any in Any around little", typed("@type", 90, 1000), false, nil},
	}
	for _, test := range tests {
		for by, wrap := range wraps {
			if err := readGuarded(test.text, test.mask, wrap); !errors.Is(err, test.want) || test.want == nil && err != nil {
				t.Errorf("%s, read as %s: %v, want %v", test.name, by, err, test.want)
			}
		}
	}
}

// What is right reaches the decoder although what comes behind it is not.
func TestGuardEndsAtTheFault(t *testing.T) {
	g := guarded(context.Background(), strings.NewReader(`{"a":1} `+strings.Repeat("[", maxDepth+1)), false)
	decoder := json.NewDecoder(g)
	var first, second json.RawMessage
	if err := decoder.Decode(&first); err != nil || string(first) != `{"a":1}` {
		t.Errorf("%s %v", first, err)
	}
	if err := decoder.Decode(&second); !errors.Is(err, errTooDeep) {
		t.Error(err)
	}
}

func TestGuardEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	g := guarded(ctx, iotest.OneByteReader(strings.NewReader(`{"a":1}`)), false)
	if _, err := g.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.ReadAll(g); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// FuzzGuard holds that the guard passes every value that is within its bounds, as it is.
func FuzzGuard(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[{"@type":"x"}]}`, `"\\"`, `[1,"a\"{",{"b":null}]`, `{"a":"\u0022{"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) || depthOf(text) > maxDepth || len(text) > 1<<16 {
			return
		}
		g := guarded(t.Context(), strings.NewReader(text), true)
		defer g.free()
		got, err := io.ReadAll(g)
		if err != nil || string(got) != text {
			t.Errorf("%q: %q %v", text, got, err)
		}
		if g.depth != 0 || g.text {
			t.Errorf("%q: the guard has lost its place", text)
		}
	})
}

// depthOf is the depth by the standard's own tokens.
func depthOf(text string) int {
	decoder, depth, most := json.NewDecoder(strings.NewReader(text)), 0, 0
	for {
		token, err := decoder.Token()
		if err != nil {
			return most
		}
		switch fmt.Sprint(token) {
		case "{", "[":
			if _, is := token.(json.Delim); is {
				depth++
			}
		case "}", "]":
			if _, is := token.(json.Delim); is {
				depth--
			}
		}
		most = max(most, depth)
	}
}

func BenchmarkGuard(b *testing.B) {
	text := strings.Repeat(`{"name":"something of a name","email":"a@example.com","rank":17,"tags":["a","b"]}`, 12)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	buffer := make([]byte, 4096)
	for b.Loop() {
		g := guarded(b.Context(), strings.NewReader(text), true)
		for {
			if _, err := g.Read(buffer); err != nil {
				break
			}
		}
		g.free()
	}
}
