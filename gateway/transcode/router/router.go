// Package router finds the route of a request among google.api.http templates
// in one walk down a tree, at a cost that depends on the path's length and not
// on the number of routes.
//
// Where several templates match, the leftmost difference decides: a literal
// wins over "*", "*" over "**". The order of registration never matters.
package router

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/venta-hq/venta/gateway/transcode/httprule"
)

// Router maps HTTP methods and path templates to values. Add all routes before
// the first Lookup; after that it is immutable and safe for concurrent use.
// The zero value is an empty router.
type Router[T any] struct {
	root  node[T]
	verbs map[string]bool // the custom verbs in use
}

// node is a place in the tree of templates.
type node[T any] struct {
	literals map[string]*node[T]
	wildcard *node[T]
	deep     *node[T]
	leaves   map[string][]leaf[T] // by custom verb
}

// leaf is a template that ends here, for one HTTP method.
type leaf[T any] struct {
	method   string
	template *httprule.Template
	value    T
}

// Match is the answer of a lookup.
type Match[T any] struct {
	Value  T
	Params []Param
}

// Param is a variable of the template with its decoded value.
type Param struct {
	FieldPath string
	Value     string
}

// Add registers a route. It returns an error when a template of the same shape
// is registered for the method.
func (r *Router[T]) Add(method string, t *httprule.Template, value T) error {
	n := &r.root
	for _, s := range t.Segments() {
		n = n.child(s)
	}
	for _, l := range n.leaves[t.Verb()] {
		if l.method == method {
			return fmt.Errorf("%s %s matches the same paths as %s", method, t, l.template)
		}
	}
	if n.leaves == nil {
		n.leaves = map[string][]leaf[T]{}
	}
	n.leaves[t.Verb()] = append(n.leaves[t.Verb()], leaf[T]{method, t, value})
	if t.Verb() != "" {
		if r.verbs == nil {
			r.verbs = map[string]bool{}
		}
		r.verbs[t.Verb()] = true
	}
	return nil
}

func (n *node[T]) child(s httprule.Segment) *node[T] {
	switch s.Kind {
	case httprule.Wildcard:
		return orNew(&n.wildcard)
	case httprule.Deep:
		return orNew(&n.deep)
	}
	if n.literals == nil {
		n.literals = map[string]*node[T]{}
	}
	next := n.literals[s.Literal]
	if next == nil {
		next = &node[T]{}
		n.literals[s.Literal] = next
	}
	return next
}

func orNew[T any](n **node[T]) *node[T] {
	if *n == nil {
		*n = &node[T]{}
	}
	return *n
}

// Lookup finds the route of a request. HEAD falls back to GET. Where no route
// matches, allow lists the methods that the path has, sorted; it is empty when
// the path is unknown.
func (r *Router[T]) Lookup(method string, u *url.URL) (m Match[T], allow []string, ok bool) {
	var room [16]string
	segments, escaped := split(u, room[:0])
	if m, ok := r.lookup(method, segments, escaped); ok {
		return m, nil, true
	}
	if method == http.MethodHead {
		if m, ok := r.lookup(http.MethodGet, segments, escaped); ok {
			return m, nil, true
		}
	}
	return Match[T]{}, r.allow(segments), false
}

// split cuts the path into its segments. Percent-escapes are decoded within
// segments, so that an escaped slash never separates; escaped reports whether
// the segments differ from the raw ones.
func split(u *url.URL, into []string) (segments []string, escaped bool) {
	path, escaped := u.Path, false
	if u.RawPath != "" {
		path, escaped = u.RawPath, true
	}
	path = strings.TrimPrefix(path, "/")
	if path == "" {
		return nil, false
	}
	for part := range strings.SplitSeq(path, "/") {
		if escaped {
			if decoded, err := url.PathUnescape(part); err == nil {
				part = decoded
			}
		}
		into = append(into, part)
	}
	return into, escaped
}

func (r *Router[T]) lookup(method string, segments []string, escaped bool) (Match[T], bool) {
	if bare, verb, ok := r.cutVerb(segments); ok {
		if l := r.root.find(bare, verb, method); l != nil {
			return l.match(bare, escaped), true
		}
	}
	if l := r.root.find(segments, "", method); l != nil {
		return l.match(segments, escaped), true
	}
	return Match[T]{}, false
}

// cutVerb takes a custom verb that is in use off the last segment.
func (r *Router[T]) cutVerb(segments []string) (bare []string, verb string, ok bool) {
	if len(r.verbs) == 0 || len(segments) == 0 {
		return nil, "", false
	}
	last := segments[len(segments)-1]
	i := strings.LastIndexByte(last, ':')
	if i <= 0 || !r.verbs[last[i+1:]] {
		return nil, "", false
	}
	bare = slices.Clone(segments)
	bare[len(bare)-1] = last[:i]
	return bare, last[i+1:], true
}

// find walks down the tree, the more specific branch first.
func (n *node[T]) find(segments []string, verb, method string) *leaf[T] {
	if len(segments) == 0 {
		if l := n.leaf(verb, method); l != nil {
			return l
		}
		if n.deep != nil { // "**" takes no segment, too
			return n.deep.find(nil, verb, method)
		}
		return nil
	}
	if next := n.literals[segments[0]]; next != nil {
		if l := next.find(segments[1:], verb, method); l != nil {
			return l
		}
	}
	// An empty segment ("//") is no value for a variable.
	if n.wildcard != nil && segments[0] != "" {
		if l := n.wildcard.find(segments[1:], verb, method); l != nil {
			return l
		}
	}
	if n.deep == nil {
		return nil
	}
	for taken := range len(segments) + 1 { // the longest tail first
		if l := n.deep.find(segments[taken:], verb, method); l != nil {
			return l
		}
	}
	return nil
}

func (n *node[T]) leaf(verb, method string) *leaf[T] {
	leaves := n.leaves[verb]
	for i := range leaves {
		if leaves[i].method == method {
			return &leaves[i]
		}
	}
	return nil
}

// match binds the variables.
func (l *leaf[T]) match(segments []string, escaped bool) Match[T] {
	m := Match[T]{Value: l.value}
	variables := l.template.Variables()
	if len(variables) == 0 {
		return m
	}
	m.Params = make([]Param, len(variables))
	extra := len(segments) - len(l.template.Segments()) // what "**" takes beyond one
	for i, v := range variables {
		start, end := v.Start, v.End
		if deep := l.deepIndex(); deep >= 0 {
			if start > deep {
				start += extra
			}
			if end > deep {
				end += extra
			}
		}
		m.Params[i] = Param{FieldPath: v.FieldPath, Value: join(segments[start:end], escaped)}
	}
	return m
}

func (l *leaf[T]) deepIndex() int {
	return slices.IndexFunc(l.template.Segments(), func(s httprule.Segment) bool {
		return s.Kind == httprule.Deep
	})
}

// join puts the segments of one variable together. In a variable of several
// segments a slash that was escaped stays so, or it could not be told from a
// separator.
func join(segments []string, escaped bool) string {
	if len(segments) == 1 {
		return segments[0]
	}
	if !escaped {
		return strings.Join(segments, "/")
	}
	parts := make([]string, len(segments))
	for i, s := range segments {
		parts[i] = strings.ReplaceAll(s, "/", "%2F")
	}
	return strings.Join(parts, "/")
}

// methods are those that google.api.http can bind, custom kinds aside.
var methods = [...]string{
	http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions,
	http.MethodPatch, http.MethodPost, http.MethodPut,
}

// allow lists the methods that the path has.
func (r *Router[T]) allow(segments []string) []string {
	var found []string
	for _, method := range methods {
		if _, ok := r.lookup(method, segments, false); ok {
			found = append(found, method)
		}
	}
	if slices.Contains(found, http.MethodGet) && !slices.Contains(found, http.MethodHead) {
		found = append(found, http.MethodHead)
		slices.Sort(found)
	}
	return found
}
