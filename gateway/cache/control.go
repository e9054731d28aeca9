package cache

import (
	"net/http"
	"strings"

	"github.com/venta-hq/venta/gateway/cache/internal/memory"
	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
	"github.com/venta-hq/venta/gateway/internal/responsewriter"
)

// What Cache-Control says of a response that says nothing itself (RFC 9111, section
// 5.2.2). They are shared by all responses and never changed.
var (
	privateValidated = []string{"private, no-cache"}
	privateUnstored  = []string{"private, no-store"}
	publicValidated  = []string{"public, no-cache"}
	validated        = []string{"no-cache"}
)

const cacheControl = "Cache-Control"

// control says in Cache-Control what clients may do, and the caches between them and
// this one, which know neither API keys nor what a purge reaches.
type control struct{ *route }

// declareStored does so for a stored response. set is what was set further out.
func (c control) declareStored(header http.Header, set []string, r *http.Request, v *memory.Response) {
	own := header[cacheControl]
	said := v.Get(cacheControl) != ""
	switch {
	case !c.rule.Declare:
	case !said && c.personal(r, set, nil):
		header[cacheControl] = privateValidated
	case !said && len(c.rule.Policy.Tags) > 0: // a purge reaches nobody else
		header[cacheControl] = publicValidated
	case !said:
		header[cacheControl] = v.PublicLifetime()
	default:
		c.declareOwn(header, set, r, own)
	}
}

// declare does so for a response that is not stored.
func (c control) declare(header http.Header, set []string, r *http.Request, said bool) {
	switch {
	case !c.rule.Declare:
	case said:
		c.declareOwn(header, set, r, header[cacheControl])
	case c.personal(r, set, nil):
		header[cacheControl] = privateUnstored
	default:
		header[cacheControl] = validated
	}
}

// declareOwn keeps what the handler says, but for what would hand a response for one
// caller to others.
func (c control) declareOwn(header http.Header, set []string, r *http.Request, own []string) {
	if !c.personal(r, set, own) {
		return
	}
	members := []string{"private"}
	for _, member := range rfc9111.Members(own) {
		name, _, _ := strings.Cut(strings.ToLower(member), "=")
		switch name {
		case "public", "private", "s-maxage", "proxy-revalidate":
		default:
			members = append(members, member)
		}
	}
	header[cacheControl] = []string{strings.Join(members, ", ")}
}

// personal reports whether a response is for its caller alone: by the rule, or because
// the request has credentials, which a step further out may know, and the response does not
// say itself that it is for everybody.
func (c control) personal(r *http.Request, set, own []string) bool {
	if c.audience.stated {
		return true
	}
	if own != nil {
		if d := rfc9111.ParseDirectives(http.Header{cacheControl: own}); d.Public || d.SharedMaxAge != rfc9111.Absent {
			return false
		}
	}
	return len(set) > 0 && strings.HasPrefix(set[0], "private") || c.audience.authenticated(r) || c.audience.cookied(r)
}

// passing returns the writer of a response that passes the cache by.
func (c control) passing(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	if !c.rule.Declare {
		return w
	}
	set := w.Header()[cacheControl]
	watch := &responsewriter.Watcher{ResponseWriter: w}
	watch.OnBegin = func(int) {
		header := w.Header()
		own := header[cacheControl]
		c.declare(header, set, r, len(own) > 0 && (len(set) == 0 || &own[0] != &set[0]))
	}
	return watch
}
