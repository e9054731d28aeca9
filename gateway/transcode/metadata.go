package transcode

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/metadata"
)

// plainContext adds what travels upstream with a request whose gateway has no
// header matchers of its user's: the credentials, what the client names
// Grpc-Metadata-, and where the request comes from. Other headers stay behind:
// an upstream that can see a header can respond by it, and a cache that does not
// know of that would give the response to others. A Grpc-Timeout becomes the
// context's deadline.
//
// The keys are those of runtime.AnnotateContext.
func plainContext(ctx context.Context, r *http.Request, outgoing Outgoing) (context.Context, context.CancelFunc, error) {
	pairs, err := clientMetadata(r)
	if err != nil {
		return nil, nil, err
	}
	pairs = appendOrigin(pairs, r)
	if outgoing != nil {
		if pairs, err = outgoing(ctx, pairs); err != nil {
			return nil, nil, err
		}
	}
	ctx = metadata.AppendToOutgoingContext(ctx, pairs...)
	text := r.Header.Get("Grpc-Timeout")
	if text == "" {
		return ctx, func() {}, nil
	}
	timeout, err := parseTimeout(text)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	return ctx, cancel, nil
}

// clientMetadata returns key and value of what the client sends on purpose.
func clientMetadata(r *http.Request) ([]string, error) {
	pairs := make([]string, 0, 8)
	for name, values := range r.Header {
		key, binary := "", false
		switch {
		case name == "Authorization":
			key = "authorization"
		case strings.HasPrefix(name, runtime.MetadataHeaderPrefix):
			key, binary = metadataKey(name)
		}
		if key == "" {
			continue
		}
		for _, value := range values {
			decoded, err := metadataValue(value, binary)
			if err != nil {
				return nil, fmt.Errorf("header %s: %w", name, err)
			}
			pairs = append(pairs, key, decoded)
		}
	}
	return pairs, nil
}

// metadataKey returns the key that a Grpc-Metadata- header sets, or "" for one
// that only the gateway may set.
func metadataKey(name string) (key string, binary bool) {
	key = strings.ToLower(name[len(runtime.MetadataHeaderPrefix):])
	reserved := strings.HasPrefix(key, runtime.MetadataPrefix) || strings.HasPrefix(key, "grpc-") ||
		strings.HasPrefix(key, "x-forwarded-") || strings.HasPrefix(key, "x-venta-") || key == "authorization"
	if reserved || strings.ContainsFunc(key, notInKey) {
		return "", false
	}
	return key, strings.HasSuffix(key, "-bin")
}

// notInKey reports what a gRPC metadata key cannot hold.
func notInKey(c rune) bool {
	return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.'
}

func metadataValue(value string, binary bool) (string, error) {
	if binary {
		decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "="))
		if err != nil {
			return "", fmt.Errorf("not base64: %w", err)
		}
		return string(decoded), nil
	}
	if i := unprintable(value); i >= 0 {
		return "", fmt.Errorf("character %d is not printable ASCII", i)
	}
	return value, nil
}

// unprintable returns the index of the first byte that is not printable ASCII,
// or -1. It looks at eight bytes at once, as tokens are long.
func unprintable(text string) int {
	i := 0
	for ; i+8 <= len(text); i += 8 {
		if !allPrintable(word(text[i : i+8])) {
			break
		}
	}
	for ; i < len(text); i++ {
		if text[i] < 0x20 || text[i] > 0x7e {
			return i
		}
	}
	return -1
}

// word reads eight bytes.
func word(b string) uint64 {
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// allPrintable reports whether each byte of w is in 0x20..0x7e. The top bit of a
// byte below 0x80 is clear, and is set by adding 1 to 0x7f alone and left clear
// by adding 0x60 to what is below 0x20; nothing carries into the next byte.
func allPrintable(w uint64) bool {
	const ones = 0x0101010101010101
	const tops = 0x80 * ones
	return w&tops == 0 && (w+ones)&tops == 0 && (w+0x60*ones)&tops == tops
}

// appendOrigin tells where the request comes from, as a proxy does.
func appendOrigin(pairs []string, r *http.Request) []string {
	host := r.Header.Get("X-Forwarded-Host")
	if host == "" {
		host = r.Host
	}
	if _, err := metadataValue(host, false); err == nil && host != "" {
		pairs = append(pairs, "x-forwarded-host", host)
	}
	path := strings.Join(r.Header["X-Forwarded-For"], ", ")
	if peer, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		if path != "" {
			path += ", "
		}
		path += peer
	}
	if _, err := metadataValue(path, false); err == nil && path != "" {
		pairs = append(pairs, "x-forwarded-for", path)
	}
	return pairs
}

// parseTimeout parses a Grpc-Timeout, such as "250m" (gRPC over HTTP2, Timeout).
// One that is too long for a Duration is the longest there is.
func parseTimeout(text string) (time.Duration, error) {
	last := len(text) - 1
	unit := timeoutUnit(text[last])
	value, err := strconv.ParseUint(text[:last], 10, 64)
	if unit == 0 || err != nil {
		return 0, fmt.Errorf("Grpc-Timeout %q is not a number and one of H, M, S, m, u, n", text)
	}
	if value > math.MaxInt64/uint64(unit) {
		return math.MaxInt64, nil
	}
	return time.Duration(value) * unit, nil
}

// timeoutUnit returns the unit of the gRPC wire protocol, or 0.
func timeoutUnit(c byte) time.Duration {
	switch c {
	case 'H':
		return time.Hour
	case 'M':
		return time.Minute
	case 'S':
		return time.Second
	case 'm':
		return time.Millisecond
	case 'u':
		return time.Microsecond
	case 'n':
		return time.Nanosecond
	default:
		return 0
	}
}
