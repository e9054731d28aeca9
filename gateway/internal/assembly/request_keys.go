package assembly

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/clientip"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/transcode"
)

var errNoExchange = errors.New("the request is on no route")

// message returns the request's decoded message.
func message(r *http.Request) (proto.Message, error) {
	x := transcode.FromContext(r.Context())
	if x == nil {
		return nil, errNoExchange
	}
	return x.Message(r)
}

// principal returns the authenticated subject, or "" for an anonymous request.
func principal(r *http.Request) string {
	p, _ := auth.FromContext(r.Context())
	return p.Subject
}

// caller tells callers apart by everything that a service may respond by, or is ""
// for an anonymous request.
func caller(r *http.Request) string {
	p, _ := auth.FromContext(r.Context())
	return p.Fingerprint()
}

// nobody begins the key of an anonymous request. A subject that begins with it has
// it twice.
const nobody = "\x00"

// subject returns what a limit by principal counts a request under. Who is
// anonymous is counted by address: one of them must not use up what all have.
func (k *rateLimitKeys) subject(r *http.Request) string {
	switch s := principal(r); {
	case s == "":
		return nobody + k.address(r)
	case strings.HasPrefix(s, nobody):
		return nobody + s
	default:
		return s
	}
}

// apiKey returns the name of the API key that the request was authenticated by.
// A request with a token has none, and is counted as by principal.
func (k *rateLimitKeys) apiKey(r *http.Request) string {
	p, _ := auth.FromContext(r.Context())
	if id := p.KeyID(); id != "" {
		return "key:" + id
	}
	return "principal:" + k.subject(r)
}

func (k *rateLimitKeys) address(r *http.Request) string {
	return clientip.Key(k.live.Load().ClientIP.From(r))
}

// claim returns the values of a claim of the principal.
func claim(r *http.Request, name string) []string {
	p, _ := auth.FromContext(r.Context())
	return p.Claims(name)
}

func inputOf(m transcode.Method) protoreflect.MessageDescriptor {
	return m.Call.NewRequest().ProtoReflect().Descriptor()
}

// rateLimitKeys finds what limits count apart, and what a request costs.
type rateLimitKeys struct {
	live   *atomic.Pointer[Live]
	fields map[string]policy.FieldPath
}

func newRateLimitKeys(live *atomic.Pointer[Live], m transcode.Method, limits []policy.RateLimit) (*rateLimitKeys, error) {
	k := &rateLimitKeys{live: live, fields: map[string]policy.FieldPath{}}
	for _, limit := range limits {
		for _, path := range []string{limit.Key.Field, limit.Cost.Field} {
			if path == "" {
				continue
			}
			field, err := policy.ResolveFieldPath(inputOf(m), path)
			if err != nil {
				return nil, err
			}
			k.fields[path] = field
		}
	}
	return k, nil
}

func (k *rateLimitKeys) key(r *http.Request, key policy.RateLimitKey) (string, error) {
	switch key.Source {
	case policy.KeyClientIP:
		return k.address(r), nil
	case policy.KeyPrincipal:
		return k.subject(r), nil
	case policy.KeyAPIKey:
		return k.apiKey(r), nil
	case policy.KeyHeader:
		return r.Header.Get(key.Header), nil
	case policy.KeyField:
		return k.field(r, key.Field)
	default:
		return "", nil
	}
}

func (k *rateLimitKeys) field(r *http.Request, path string) (string, error) {
	m, err := message(r)
	if err != nil {
		return "", err
	}
	value, _ := transcode.FieldValue(m, k.fields[path])
	return value, nil
}

func (k *rateLimitKeys) cost(r *http.Request, path string) (int64, error) {
	text, err := k.field(r, path)
	if err != nil {
		return 0, err
	}
	cost, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, err
	}
	return max(cost, 1), nil
}

// tags are tag templates of one method's request.
type tags []*transcode.Template

func newTags(m transcode.Method, sources []string) (tags, error) {
	var all tags
	for _, source := range sources {
		t, err := transcode.ParseTemplate(inputOf(m), source)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

func (t tags) of(r *http.Request) ([]string, error) {
	m, err := message(r)
	if err != nil {
		return nil, err
	}
	expanded := make([]string, len(t))
	for i, template := range t {
		expanded[i] = template.Expand(m, nil)
	}
	return expanded, nil
}

// cacheKey is the request's message in deterministic encoding, with the form of the
// response, which is the route's. A request that
// sets a field outside of the key fields has no key: it must not share a response
// with requests that differ from it.
type cacheKey struct{ fields fieldTree }

func newCacheKey(m transcode.Method, paths []string) (cacheKey, error) {
	if len(paths) == 0 {
		return cacheKey{}, nil
	}
	tree := fieldTree{}
	for _, path := range paths {
		field, err := policy.ResolveFieldPath(inputOf(m), path)
		if err != nil {
			return cacheKey{}, err
		}
		tree.add(field)
	}
	return cacheKey{fields: tree}, nil
}

func (k cacheKey) of(r *http.Request) (string, bool, error) {
	m, err := message(r)
	if err != nil {
		return "", false, err
	}
	if k.fields != nil && !k.fields.covers(m.ProtoReflect()) {
		return "", false, nil
	}
	shape := transcode.FromContext(r.Context()).Shape() + "\x00"
	encoded, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend([]byte(shape), m)
	return string(encoded), err == nil, err
}

// fieldTree is a set of field paths. A leaf has a nil subtree.
type fieldTree map[protoreflect.FieldNumber]fieldTree

func (t fieldTree) add(path policy.FieldPath) {
	number := path[0].Number()
	if len(path) == 1 {
		t[number] = nil
		return
	}
	if t[number] == nil {
		t[number] = fieldTree{}
	}
	t[number].add(path[1:])
}

// covers reports whether every field that is set is in the tree.
func (t fieldTree) covers(m protoreflect.Message) bool {
	covered := len(m.GetUnknown()) == 0
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		subtree, in := t[fd.Number()]
		covered = covered && in && (subtree == nil || subtree.covers(v.Message()))
		return covered
	})
	return covered
}
