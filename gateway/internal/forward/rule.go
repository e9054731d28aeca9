package forward

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// The bounds of what a client chose, all listed headers and Grpc-Metadata-
// together. Authorization stands apart: the gateway has verified it or the service
// will, and the listener bounds it with the whole header.
const (
	MaxFields = 16
	MaxBytes  = 4 << 10 // of keys and values
)

// ErrTooLarge is the error of a request beyond the bounds.
var ErrTooLarge = errors.New("too many headers for the service")

// Rule is an allow-list made ready. It is immutable and safe for concurrent use.
type Rule struct {
	headers []header
}

type header struct{ name, key string }

// NewRule returns the rule that lets the headers of all lists travel. Each must
// have no [Refusal].
func NewRule(lists ...[]string) *Rule {
	r := &Rule{}
	for _, name := range Names(lists...) {
		r.headers = append(r.headers, header{name, Key(name)})
	}
	return r
}

// Names returns the canonical names of all lists, each once.
func Names(lists ...[]string) []string {
	var names []string
	for _, list := range lists {
		for _, name := range list {
			if name = textproto.CanonicalMIMEHeaderKey(name); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// Append appends the metadata of what a client chose, keys and values one after
// the other. The error is of the client: a value that metadata cannot hold, or
// [ErrTooLarge].
func (r *Rule) Append(pairs []string, h http.Header) ([]string, error) {
	hidden := hidden(h)
	pairs, err := appendValues(pairs, hidden, "Authorization", "authorization", h["Authorization"])
	if err != nil {
		return nil, err
	}
	free := len(pairs)
	if pairs, err = r.appendListed(pairs, hidden, h); err != nil {
		return nil, err
	}
	for name, values := range h {
		if key := MetadataKey(name); key != "" {
			if pairs, err = appendValues(pairs, hidden, name, key, values); err != nil {
				return nil, err
			}
		}
	}
	return pairs, bound(pairs[free:])
}

// AppendListed appends the metadata of the listed headers alone.
func (r *Rule) AppendListed(pairs []string, h http.Header) ([]string, error) {
	if len(r.headers) == 0 {
		return pairs, nil
	}
	return r.appendListed(pairs, hidden(h), h)
}

func (r *Rule) appendListed(pairs, hidden []string, h http.Header) ([]string, error) {
	var err error
	for _, listed := range r.headers {
		if pairs, err = appendValues(pairs, hidden, listed.name, listed.key, h[listed.name]); err != nil {
			return nil, err
		}
	}
	return pairs, nil
}

func appendValues(pairs, hidden []string, name, key string, values []string) ([]string, error) {
	if len(values) == 0 || isHidden(hidden, name) {
		return pairs, nil
	}
	binary := strings.HasSuffix(key, "-bin")
	for _, value := range values {
		decoded, err := valueOf(value, binary)
		if err != nil {
			return nil, fmt.Errorf("header %s: %w", name, err)
		}
		pairs = append(pairs, key, decoded)
	}
	return pairs, nil
}

func bound(pairs []string) error {
	if len(pairs) > 2*MaxFields {
		return fmt.Errorf("%w: %d fields are more than %d", ErrTooLarge, len(pairs)/2, MaxFields)
	}
	bytes := 0
	for _, text := range pairs {
		bytes += len(text)
	}
	if bytes > MaxBytes {
		return fmt.Errorf("%w: %d bytes are more than %d", ErrTooLarge, bytes, MaxBytes)
	}
	return nil
}

// valueOf returns a header's value as metadata has it: a binary one decoded.
func valueOf(value string, binary bool) (string, error) {
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
