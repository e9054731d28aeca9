package cache

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"slices"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
	"github.com/venta-hq/venta/gateway/policy"
)

// Rule says how one method is cached. The functions are called concurrently.
type Rule struct {
	// Policy is the method's cache policy. KeyFields and Tags are read through
	// the functions below.
	Policy policy.Cache
	// Name is the method's full name, a part of the key. Required.
	Name string
	// Key returns what tells the method's responses apart; ok false passes the
	// cache by, an error refuses the request. Required.
	Key func(r *http.Request) (key string, ok bool, err error)
	// Tags returns the tags that the response is purged by. An error refuses the
	// request. Required where the policy has tags.
	Tags func(r *http.Request) ([]string, error)
	// Principal returns who the caller is, in all that the response may depend on (two
	// tokens of one subject with other scopes are two); "" is nobody, and passes the cache
	// by. It should be a digest: it is a part of keys in memory and level 2. Required where
	// the audience is the principal.
	Principal func(r *http.Request) string
	// AuthRequired tells that the method demands credentials, so that its author
	// had to state the audience. Without it, and with a public audience, the
	// response to a request with an Authorization field, a client certificate or a
	// Principal is stored only where the response itself allows that (RFC 9111,
	// section 3.5), and that to one with cookies only where the response has a
	// lifetime of its own or varies on them.
	AuthRequired bool
	// Declare has responses say in Cache-Control what clients and the caches between may do.
	// What is for one caller is private. What is public says its lifetime, or, where a
	// purge by tag may end it, that it must be validated. What the handler itself says
	// stays, but for what would hand a private response to others. A private that a
	// step further out has set holds for responses that do not say otherwise. Default
	// false: responses say what the handler says.
	Declare bool
	// Proxy says that the handler forwards to an origin that speaks HTTP for itself,
	// as httputil.ReverseProxy does. Then what the origin says goes before the
	// policy:
	//
	//   - A response of any final status that says how long it is fresh is stored
	//     (RFC 9111, section 3). The policy's TTL, which may be zero, is for those with
	//     status 200 that do not say so.
	//   - One with no-cache, or that is stale from the start, is stored where it names
	//     its version, and validated for each request.
	//   - The policy's StaleWhileRevalidate is the most that a response's own
	//     stale-while-revalidate allows: without one it is not used stale.
	//   - Informational responses reach the client whose request called the origin.
	//   - A response that is flushed while it comes reaches that client at once, and is
	//     stored when it is whole. Events (text/event-stream) are not.
	//   - Content-Encoding and Content-Range are stored as any field.
	//
	// Default false: the handler's responses are made by what knows no HTTP, and the
	// policy says how they are cached.
	Proxy bool
	// KeyFromURL says that Key reads nothing of a request but its URL's path and
	// query. A URL that had a hit is then not read again: the Store remembers its
	// key. What else would keep a request from the cache belongs into Bypass.
	KeyFromURL bool
	// Forwarded, if set, returns what the handler sees of a request beside its URL and
	// the fields that responses vary on, and may respond by. It tells responses
	// apart; "" is nothing. An error refuses the request.
	Forwarded func(r *http.Request) (string, error)
	// Unkeyed, if set, reports a request header field that the handler gets from
	// somebody else than the client, so that no key holds it. A response that varies
	// on one is not stored. The name is in canonical form.
	Unkeyed func(field string) bool
	// Bypass, if set, reports whether a request passes the cache by. It is called
	// before Key.
	Bypass func(r *http.Request) bool
	// IgnoreTargets leaves what is stored of a URI as it is when the URI is
	// written to (see [Store.InvalidateTargets]): for methods that say what their
	// writes change by tags.
	IgnoreTargets bool
	// OnShadow is told what a policy in shadow would have made of each request:
	// "hit", "miss", "revalidate" (a stale response while it is refreshed),
	// "stale" (in place of a failure), "bypass" or "refuse". nil: nobody is told.
	OnShadow policy.ShadowFunc
	// OnError writes the response to a request that is refused: an error of Key or
	// Tags, or an *apierror.Error. Required.
	OnError func(w http.ResponseWriter, r *http.Request, err error)
	// OnOutcome, if set, is told the outcome of each request.
	OnOutcome func(r *http.Request, outcome Outcome)
	// OnEvent, if set, is told what else is worth counting, under the request
	// that caused it, which may have ended.
	OnEvent func(r *http.Request, event Event)
}

// scope is the part of the key that tells rules apart. Responses that were stored
// under another policy of the same method are not found.
func (rule *Rule) scope() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v %v", rule.Policy, rule.AuthRequired))
	return rule.Name + "@" + base64.RawStdEncoding.EncodeToString(sum[:16])
}

// validate returns the header fields that the rule varies on, in canonical form.
func (rule *Rule) validate() ([]string, error) {
	var errs []error
	missing := func(is bool, what string) {
		if is {
			errs = append(errs, errors.New("no "+what))
		}
	}
	byPrincipal := rule.Policy.Audience == policy.AudiencePrincipal
	missing(rule.Name == "", "name")
	missing(rule.Key == nil, "Key")
	missing(rule.OnError == nil, "OnError")
	missing(rule.Policy.TTL < 0 || rule.Policy.TTL == 0 && !rule.Proxy, "TTL")
	missing(rule.Tags == nil && len(rule.Policy.Tags) > 0, "Tags")
	missing(rule.Principal == nil && byPrincipal, "Principal")
	if !byPrincipal && rule.Policy.Audience != policy.AudiencePublic {
		errs = append(errs, fmt.Errorf("unknown audience %d", rule.Policy.Audience))
	}
	var vary []string
	for _, name := range rule.Policy.VaryHeaders {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		if !rfc9111.IsToken(name) || name == "*" {
			errs = append(errs, fmt.Errorf("%q is no header field", name))
		}
		if !slices.Contains(vary, canonical) {
			vary = append(vary, canonical)
		}
	}
	return vary, errors.Join(errs...)
}
