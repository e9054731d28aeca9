package forward

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// What a mux of the program's own makes of a request (its header matcher, its
// metadata annotators) travels, as the program has chosen it. What it reads and
// what it says are held to the rules, too.

// Visible returns what the program's functions may read of a header: it without
// what the client means for this connection, the keys that no client may choose, and
// the id and trace that it gives its request. With cached it lacks what a cache
// answers itself. The header is not changed.
func Visible(h http.Header, cached bool) http.Header {
	return without(h, func(name string) bool {
		return isMetadata(name) && MetadataKey(name) == "" || name == "X-Request-Id" || name == "Traceparent" || name == "Tracestate" ||
			cached && (OfCache(name) || name == "Accept-Encoding" || name == "Te")
	})
}

// VisibleToStock is Visible where a request is served as grpc-gateway serves it:
// nothing is hidden but what belongs to one connection, and x-venta-.
func VisibleToStock(h http.Header) http.Header {
	return without(h, func(name string) bool {
		if !isMetadata(name) {
			return false
		}
		key := strings.ToLower(name[len(metadataPrefix):])
		return Connection(key) || ours(key)
	})
}

func isMetadata(name string) bool { return strings.HasPrefix(name, metadataPrefix) }

// ours reports whether a lower-case key is one of the gateway's own.
func ours(key string) bool { return strings.HasPrefix(key, "x-venta-") }

// without returns h itself where there is nothing to hide.
func without(h http.Header, hide func(name string) bool) http.Header {
	hidden := hidden(h)
	for name := range h {
		if hide(name) || isHidden(hidden, name) {
			h = maps.Clone(h)
			maps.DeleteFunc(h, func(name string, _ []string) bool { return hide(name) || isHidden(hidden, name) })
			return h
		}
	}
	return h
}

// OfProgram returns what the program's functions say that travels, keys and values
// one after the other, in the order of the keys: not what belongs to a connection,
// nor what the gateway tells. A request's id or trace is the program's own where the
// gateway does not write one.
func OfProgram(md map[string][]string) []string {
	return pairsOf(md, func(key string) bool { return Connection(key) || Written(key) && !Traced(key) })
}

// OfStock is OfProgram where a request is served as grpc-gateway serves it.
func OfStock(md map[string][]string) []string {
	return pairsOf(md, func(key string) bool { return Connection(key) || ours(key) })
}

func pairsOf(md map[string][]string, hide func(key string) bool) []string {
	pairs := make([]string, 0, 2*len(md))
	for _, key := range slices.Sorted(maps.Keys(md)) {
		if hide(key) {
			continue
		}
		for _, value := range md[key] {
			pairs = append(pairs, key, value)
		}
	}
	return pairs
}

// AppendAbsent appends those of more whose keys pairs does not hold.
func AppendAbsent(pairs, more []string) []string {
	held := len(pairs)
	for i := 0; i+1 < len(more); i += 2 {
		if !holds(pairs[:held], more[i]) {
			pairs = append(pairs, more[i], more[i+1])
		}
	}
	return pairs
}

// Set puts a value in place of all that pairs holds under the key.
func Set(pairs []string, key, value string) []string {
	for i := len(pairs) - 2; i >= 0; i -= 2 {
		if pairs[i] == key {
			pairs = slices.Delete(pairs, i, i+2)
		}
	}
	return append(pairs, key, value)
}

func holds(pairs []string, key string) bool {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == key {
			return true
		}
	}
	return false
}

// CacheKey writes what the program chose so that no two choices share a text; ""
// is none. What identifies one request is not in it, nor are the credentials that
// the audience speaks for.
func CacheKey(pairs []string, spokenFor func(credentials string) bool) string {
	var b []byte
	for i := 0; i+1 < len(pairs); i += 2 {
		switch key := pairs[i]; {
		case Traced(key):
			continue
		case (key == "authorization" || key == headerPrefix+"authorization") && spokenFor(pairs[i+1]):
			continue
		}
		for _, text := range pairs[i : i+2] {
			b = strconv.AppendInt(b, int64(len(text)), 10)
			b = append(b, ':')
			b = append(b, text...)
		}
	}
	return string(b)
}
