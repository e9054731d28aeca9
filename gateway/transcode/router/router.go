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
	least    int // segments that a path needs
	value    T
}

func newLeaf[T any](method string, t *httprule.Template, value T) leaf[T] {
	l := leaf[T]{method: method, template: t, least: len(t.Segments()), value: value}
	if deep := t.DeepIndex(); deep == 0 || deep > 0 && !t.IsStrict() {
		l.least--
	}
	return l
}

// Match is the result of a lookup.
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
	n.leaves[t.Verb()] = append(n.leaves[t.Verb()], newLeaf(method, t, value))
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
	p, last := split(u, room[:0])
	if m, ok := r.lookup(method, p, last); ok {
		return m, nil, true
	}
	if method == http.MethodHead {
		if m, ok := r.lookup(http.MethodGet, p, last); ok {
			return m, nil, true
		}
	}
	return Match[T]{}, r.allow(p, last), false
}

// path is a request's path, cut in segments.
type path struct {
	segments []string // decoded
	escaped  bool     // they may differ from the raw ones
}

// split cuts a path. Percent-escapes are decoded within segments, so that an
// escaped slash never separates. The last segment is also returned as it was
// sent. (Not in the path: it is kept, and the path should not move to the heap.)
func split(u *url.URL, into []string) (p path, last string) {
	text, escaped := u.Path, false
	if u.RawPath != "" {
		text, escaped = u.RawPath, true
	}
	text = strings.TrimPrefix(text, "/")
	if text == "" {
		return path{}, ""
	}
	p.escaped = escaped
	for part := range strings.SplitSeq(text, "/") {
		last = part
		if escaped {
			part = unescape(part)
		}
		into = append(into, part)
	}
	p.segments = into
	return p, last
}

func unescape(text string) string {
	if decoded, err := url.PathUnescape(text); err == nil {
		return decoded
	}
	return text
}

func (r *Router[T]) lookup(method string, p path, last string) (Match[T], bool) {
	s := search{method: method, total: len(p.segments)}
	if len(r.verbs) > 0 && s.total > 0 {
		if m, ok := r.lookupVerb(s, p, last); ok {
			return m, true
		}
	}
	if l := r.root.find(s, p.segments); l != nil {
		return l.match(p.segments, p.escaped), true
	}
	return Match[T]{}, false
}

// lookupVerb tries what follows a colon of the last segment as the verb, the
// longest first. A colon that was sent escaped begins none.
func (r *Router[T]) lookupVerb(s search, p path, last string) (Match[T], bool) {
	for i := 1; i < len(last); i++ {
		if last[i] != ':' || !r.verbs[last[i+1:]] {
			continue
		}
		bare := slices.Clone(p.segments)
		bare[len(bare)-1] = last[:i]
		if p.escaped {
			bare[len(bare)-1] = unescape(last[:i])
		}
		s.verb = last[i+1:]
		if l := r.root.find(s, bare); l != nil {
			return l.match(bare, p.escaped), true
		}
	}
	return Match[T]{}, false
}

// search is what is looked for in the tree.
type search struct {
	method, verb string
	total        int // segments of the path
}

// find walks down the tree, the more specific branch first.
func (n *node[T]) find(s search, segments []string) *leaf[T] {
	if len(segments) == 0 {
		if l := n.leaf(s); l != nil {
			return l
		}
		if n.deep != nil { // "**" takes no segment, too
			return n.deep.find(s, nil)
		}
		return nil
	}
	if next := n.literals[segments[0]]; next != nil {
		if l := next.find(s, segments[1:]); l != nil {
			return l
		}
	}
	// An empty segment ("//") is no value for a variable.
	if n.wildcard != nil && segments[0] != "" {
		if l := n.wildcard.find(s, segments[1:]); l != nil {
			return l
		}
	}
	if n.deep == nil {
		return nil
	}
	for taken := range len(segments) + 1 { // the longest tail first
		if l := n.deep.find(s, segments[taken:]); l != nil {
			return l
		}
	}
	return nil
}

func (n *node[T]) leaf(s search) *leaf[T] {
	leaves := n.leaves[s.verb]
	for i := range leaves {
		if leaves[i].method == s.method && leaves[i].least <= s.total {
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
	deep := l.template.DeepIndex()
	for i, v := range variables {
		start, end := v.Start, v.End
		if deep >= 0 {
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
func (r *Router[T]) allow(p path, last string) []string {
	var found []string
	for _, method := range methods {
		if _, ok := r.lookup(method, p, last); ok {
			found = append(found, method)
		}
	}
	if slices.Contains(found, http.MethodGet) && !slices.Contains(found, http.MethodHead) {
		found = append(found, http.MethodHead)
		slices.Sort(found)
	}
	return found
}
