package compression

import (
	"net/http"
	"slices"
	"strings"
)

// verdict is what a response's status and header say, before its body.
type verdict int

const (
	never     verdict = iota // it is plain for everybody
	varies                   // it is plain for this client
	candidate                // it is compressed if the body is fit for it
)

func (w *writer) judge(h http.Header) verdict {
	part := w.status == http.StatusPartialContent || w.status == http.StatusNotModified
	switch {
	case !mayHaveBody(w.status):
		return never
	case !part && w.declared >= 0 && w.declared < int64(w.compressor.options.MinBytes):
		return never
	case w.found&notOurs != 0, w.found&cacheControl != 0 && hasDirective(h, "no-transform"), !w.gains(h):
		return never
	case part, w.found&contentRange != 0, w.coding == identity, w.exposed(h):
		return varies
	}
	return candidate
}

// mayHaveBody is true of 304, too: it speaks for a response that has one.
func mayHaveBody(status int) bool {
	return status >= http.StatusOK && status != http.StatusNoContent && status != http.StatusResetContent
}

// gains reports whether the body's media type may gain from compression. One
// that the handler does not name may; one that it leaves out on purpose does not.
func (w *writer) gains(h http.Header) bool {
	if !w.typed {
		return true
	}
	return w.found&contentType != 0 && compressible(h["Content-Type"][0])
}

// compressible reports whether a media type gains from compression. Types that
// it does not know count as compressed already.
func compressible(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	kind, subtype, _ := strings.Cut(media, "/")
	switch kind {
	case "text":
		return subtype != "event-stream"
	case "application":
		return compressibleApplication(subtype)
	case "image":
		return subtype == "svg+xml" || subtype == "bmp" || subtype == "x-icon" || subtype == "vnd.microsoft.icon"
	case "font":
		return subtype == "ttf" || subtype == "otf"
	}
	return structured(subtype)
}

func compressibleApplication(subtype string) bool {
	if strings.HasPrefix(subtype, "grpc") || strings.HasPrefix(subtype, "connect+") {
		return false // they have compression of their own
	}
	switch subtype {
	case "json", "x-ndjson", "ndjson", "jsonl", "x-jsonlines", "json-seq", "xml", "xml-dtd", "yaml", "x-yaml", "toml",
		"javascript", "x-javascript", "ecmascript", "graphql", "sql", "rtf", "wasm", "x-www-form-urlencoded",
		"protobuf", "x-protobuf", "vnd.google.protobuf", "openmetrics-text", "msgpack", "x-msgpack", "cbor", "vnd.ms-fontobject":
		return true
	}
	return structured(subtype)
}

// structured knows the suffixes of RFC 6839 and RFC 9512 that are text.
func structured(subtype string) bool {
	return strings.HasSuffix(subtype, "+json") || strings.HasSuffix(subtype, "+xml") || strings.HasSuffix(subtype, "+yaml")
}

// hasDirective reports whether Cache-Control has a directive. One inside a
// quoted argument counts, which errs on the safe side.
func hasDirective(h http.Header, name string) bool {
	for _, line := range h["Cache-Control"] {
		for member := range strings.SplitSeq(line, ",") {
			directive, _, _ := strings.Cut(member, "=")
			if strings.EqualFold(strings.TrimSpace(directive), name) {
				return true
			}
		}
	}
	return false
}

// guard keeps the response plain where the request alone opens BREACH.
func (w *writer) guard(r *http.Request) {
	if !browserCredentials(r) {
		return
	}
	switch w.compressor.options.Credentialed {
	case CredentialedUnlessPrivate:
		w.unlessPrivate = true
	case CredentialedSameOrigin:
		if !slices.Equal(r.Header["Sec-Fetch-Site"], []string{"same-origin"}) {
			w.coding = identity
		}
	default:
		w.coding = identity
	}
}

// browserCredentials reports whether a browser may have added credentials that
// the page that sends the request does not know.
func browserCredentials(r *http.Request) bool {
	if len(r.Header["Cookie"]) > 0 || r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		return true
	}
	for _, line := range r.Header["Authorization"] {
		scheme, _, _ := strings.Cut(line, " ")
		if !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "DPoP") {
			return true
		}
	}
	return false
}

// exposed reports whether the response opens BREACH.
func (w *writer) exposed(h http.Header) bool {
	return w.found&setCookie != 0 ||
		w.unlessPrivate && (hasDirective(h, "private") || hasDirective(h, "no-store"))
}
