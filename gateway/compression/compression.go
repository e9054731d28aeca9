// Package compression negotiates gzip, brotli and zstd for the responses of an
// http.Handler (RFC 9110, section 12.5.3; RFC 1952, RFC 7932, RFC 8878), and decodes
// requests that are in one of them ([Requests]).
//
// # What is compressed
//
// Responses with a body of at least [Options].MinBytes whose media type is text,
// JSON, XML or another that gains from it. A body without Content-Length is held
// back until it reaches the minimum, never longer; a handler that flushes before
// that is streaming small pieces and stays uncompressed. After that a flush
// flushes the compressor, too. Responses stay as they are with statuses 1xx, 204,
// 205, 206 and 304, with a Content-Encoding, Content-Range or digest of the
// handler's own, and with Cache-Control: no-transform. Event streams and gRPC
// have framing of their own and stay as they are. A client that accepts nothing
// of what there is gets the plain response, as section 12.5.3 allows, not 406.
//
// Every response whose status and header leave the choice to the request has
// Vary: Accept-Encoding, compressed or not.
//
// # Entity tags
//
// A strong entity tag names one sequence of bytes (RFC 9110, section 8.8.3), so
// "abc" becomes "abc-gzip", "abc-br" or "abc-zstd" with the encoding. On the way
// back the handler finds "abc" before the tag that the client sent, in
// If-None-Match and If-Match, and its 304 bears the client's tag again. A GET is
// only served 304 for an encoding that it accepts. If-Range is left
// alone: a part of the plain response must not be joined to a part of a compressed
// one. Weak tags stay; what is no entity tag is not sent with compressed bytes.
//
// # BREACH
//
// Where a compressed body holds both a secret and something that an attacker
// chose, its length tells whether the two are alike (BREACH, CVE-2013-3587). The
// attack has a browser send many requests with the victim's credentials, from a
// page of the attacker. So it needs credentials that a browser adds by itself:
// cookies, HTTP authentication, TLS client certificates. Responses to such
// requests, and responses with Set-Cookie, are not compressed; [Options].Credentialed
// loosens this. Bearer and DPoP tokens are no such credentials: a foreign page
// cannot make the browser send them, and a request without the token is not
// sent the secret. Every other Authorization scheme counts as
// credentials of the browser. There is no Vary: Cookie, since either encoding is
// right for every client that accepts it.
//
// # Order
//
// The middleware stands outside a cache, which stores plain responses and does not
// pass Accept-Encoding on, and inside what turns panics into responses: a response
// that has not begun is left to it, one that has begun is not completed, so that
// no client takes it for whole.
package compression

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
)

// Coding is a content coding (RFC 9110, section 8.4.1). It prints as its
// registered name.
type Coding uint8

// The codings that can be offered.
const (
	identity Coding = iota // not compressed
	Gzip                   // "gzip"
	Brotli                 // "br"
	Zstd                   // "zstd"
	others                 // "*"
	kinds
)

// String implements fmt.Stringer.
func (c Coding) String() string {
	switch c {
	case identity:
		return "identity"
	case Gzip:
		return "gzip"
	case Brotli:
		return "br"
	case Zstd:
		return "zstd"
	}
	return fmt.Sprintf("Coding(%d)", uint8(c))
}

// Credentialed says what to do with responses to requests whose credentials a
// browser may have added by itself. Responses with Set-Cookie are compressed in no
// case.
type Credentialed uint8

const (
	// CredentialedPlain compresses none of them. It is the default.
	CredentialedPlain Credentialed = iota
	// CredentialedSameOrigin compresses those that the browser says were asked
	// for by the origin itself (Sec-Fetch-Site: same-origin, which scripts cannot
	// set). A foreign page cannot cause such a request, unless the origin shows
	// what others have written and lets it load more.
	CredentialedSameOrigin
	// CredentialedUnlessPrivate compresses all but those with Cache-Control
	// private or no-store. Every handler that sends a secret must say so.
	CredentialedUnlessPrivate
)

// Options are the choices of [New]. The zero value is ready for use.
//
// The default levels are for responses that are made for one request. They were
// chosen on lists of records as JSON (BenchmarkLevels): time on one core, size of
// the result, memory that a pooled encoder keeps.
//
//	          2 kB list      25 kB list       memory
//	gzip 1    11 us  37.6 %  0.06 ms  29.2 %
//	gzip 5    15 us  35.9 %  0.09 ms  26.3 %  1.1 MiB
//	gzip 6    16 us  35.7 %  0.10 ms  25.9 %  1.1 MiB
//	br 2      29 us  36.4 %  0.22 ms  26.3 %  1.1 MiB
//	br 3      39 us  34.9 %  0.29 ms  26.2 %  1.1 MiB
//	br 4      65 us  34.4 %  0.42 ms  25.8 %  1.0 MiB
//	br 5      66 us  34.4 %  0.59 ms  24.4 %  1.5 MiB
//	zstd 1    11 us  38.2 %  0.08 ms  26.6 %  0.5 MiB
//	zstd 2    13 us  35.9 %  0.09 ms  25.1 %  1.5 MiB
//	zstd 3    15 us  35.8 %  0.11 ms  24.2 %
//
// Brotli costs three times what gzip does, for little: where time is dearer than
// bytes, leave it out of Codings.
type Options struct {
	// Codings are those offered. Among those that a client likes alike, the
	// first is taken. Default: Zstd, Brotli, Gzip.
	Codings []Coding
	// MinBytes is the least length of a body, before compression, that is worth
	// it, and the most that is held back to find out; at most 64 KiB.
	// Default: 1024.
	MinBytes int
	// GzipLevel is from 1 (fast) to 9 (small). Default: 5.
	GzipLevel int
	// BrotliLevel is from 1 (fast) to 11 (small). Default: 3.
	BrotliLevel int
	// ZstdLevel is from 1 (fast) to 4 (small); these are the encoder's own, near
	// levels 1, 3, 7 and 11 of the reference implementation. Default: 2.
	ZstdLevel int
	// Credentialed is the guard against BREACH, see the package's comment.
	// Default: CredentialedPlain.
	Credentialed Credentialed
}

const maxMinBytes = 64 << 10

func (o Options) withDefaults() Options {
	if len(o.Codings) == 0 {
		o.Codings = []Coding{Zstd, Brotli, Gzip}
	}
	o.Codings = slices.Clone(o.Codings)
	for _, d := range []struct {
		value *int
		of    int
	}{{&o.MinBytes, 1024}, {&o.GzipLevel, 5}, {&o.BrotliLevel, 3}, {&o.ZstdLevel, 2}} {
		if *d.value == 0 {
			*d.value = d.of
		}
	}
	return o
}

func (o Options) validate() error {
	var errs []error
	for _, bound := range []struct {
		name       string
		value, max int
	}{
		{"MinBytes", o.MinBytes, maxMinBytes},
		{"GzipLevel", o.GzipLevel, 9},
		{"BrotliLevel", o.BrotliLevel, 11},
		{"ZstdLevel", o.ZstdLevel, 4},
		{"Credentialed", int(o.Credentialed) + 1, int(CredentialedUnlessPrivate) + 1},
	} {
		if bound.value < 1 || bound.value > bound.max {
			errs = append(errs, fmt.Errorf("compression: %s is out of range", bound.name))
		}
	}
	for i, c := range o.Codings {
		if c <= identity || c >= others {
			errs = append(errs, fmt.Errorf("compression: %s cannot be offered", c))
		}
		if slices.Contains(o.Codings[:i], c) {
			errs = append(errs, fmt.Errorf("compression: %s is offered twice", c))
		}
	}
	return errors.Join(errs...)
}

// New returns a middleware that compresses responses. It is safe for concurrent
// use; handlers that it wraps share their encoders. A level or length that is
// out of range and a coding that is unknown or repeated are errors.
func New(o Options) (func(http.Handler) http.Handler, error) {
	c, err := newCompressor(o)
	if err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, next) })
	}, nil
}

func newCompressor(o Options) (*compressor, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	c := &compressor{options: o}
	for _, coding := range o.Codings {
		if err := c.prepare(coding); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// compressor is what all requests share.
type compressor struct {
	options  Options
	encoders [kinds]sync.Pool // of encoder
	held     sync.Pool        // of *held
}

func (c *compressor) serve(rw http.ResponseWriter, r *http.Request, next http.Handler) {
	if r.Method == http.MethodConnect { // a tunnel, not a representation
		next.ServeHTTP(rw, r)
		return
	}
	w := &writer{ResponseWriter: rw, compressor: c, preferences: parseAccept(r.Header["Accept-Encoding"])}
	w.head = r.Method == http.MethodHead
	w.coding = w.preferences.choose(c.options.Codings)
	w.guard(r)
	defer w.end()
	next.ServeHTTP(w, w.translate(r))
	w.finish()
}
