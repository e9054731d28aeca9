package oracle_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	"github.com/venta-hq/venta/gateway/transcode"
	"github.com/venta-hq/venta/gateway/transcode/httprule"
	pb "github.com/venta-hq/venta/gateway/transcode/oracle/internal/oraclepb"
	"github.com/venta-hq/venta/gateway/transcode/router"
)

// TestRouter compares the router, for a single template, with grpc-gateway's
// matcher.
func TestRouter(t *testing.T) {
	matched := 0
	for seed := range uint64(20000) {
		if compareRouters(t, seed) {
			matched++
		}
	}
	if matched < 5000 {
		t.Errorf("only %d paths matched: the generator is not good for much", matched)
	}
}

// FuzzRouter goes on where TestRouter ends.
func FuzzRouter(f *testing.F) {
	f.Add(uint64(1 << 40))
	f.Fuzz(func(t *testing.T, seed uint64) { compareRouters(t, seed) })
}

func compareRouters(t *testing.T, seed uint64) (matched bool) {
	d := dice{rand.New(rand.NewPCG(seed, 2))}
	text, strict := d.template(), d.once(3)
	path := d.pathFor(text)
	want, wantOK := stockMatch(t, text, strict, path)
	got, gotOK := ourMatch(t, text, strict, path)
	if diff := cmp.Diff(want, got); wantOK != gotOK || diff != "" {
		t.Fatalf("seed %d: %q of %q (strict %v): stock %v, ours %v; variables (-stock +ours):\n%s", seed, path, text, strict, wantOK, gotOK, diff)
	}
	return gotOK
}

// template is a random template.
func (d dice) template() string {
	deep := false
	segment := func() string {
		switch pick(d, 0, 0, 1, 1, 2) {
		case 0:
			return pick(d, "a", "b", "c", "a:b", "*x")
		case 2:
			if !deep {
				deep = true
				return "**"
			}
		}
		return "*"
	}
	var parts []string
	for i := range 1 + d.IntN(4) {
		part := segment()
		switch {
		case !d.once(2):
		case part == "*" && d.once(2):
			part = fmt.Sprintf("{v%d}", i)
		default:
			for range d.IntN(3) {
				part += "/" + segment()
			}
			part = fmt.Sprintf("{v%d=%s}", i, part)
		}
		parts = append(parts, part)
	}
	return "/" + strings.Join(parts, "/") + pick(d, "", "", "", ":go", ":go:on")
}

// pathFor is a path that a template matches, mostly. It has no empty segments,
// and no escaped colons: what becomes of them is not the same.
func (d dice) pathFor(text string) string {
	template, err := httprule.Parse(text)
	if err != nil {
		panic(err)
	}
	value := func() string {
		return url.PathEscape(pick(d, "a", "b", "c", "x", "é", "a/b", "%", "%2F", "x:go", "y z", "a;b", "go", "+", "..", "a,b"))
	}
	var segments []string
	for _, s := range template.Segments() {
		switch s.Kind {
		case httprule.Literal:
			segments = append(segments, s.Literal)
		case httprule.Wildcard:
			segments = append(segments, value())
		default:
			for range d.IntN(4) {
				segments = append(segments, value())
			}
		}
	}
	if d.once(5) && len(segments) > 0 {
		at := d.IntN(len(segments))
		segments = append(segments[:at:at], append([]string{value()}, segments[at+d.IntN(2):]...)...)
	}
	path := "/" + strings.Join(segments, "/")
	if verb := template.Verb(); verb != "" && !d.once(6) {
		path += ":" + verb
	}
	return path
}

func stockMatch(t *testing.T, text string, strict bool, path string) (map[string]string, bool) {
	t.Helper()
	mux := runtime.NewServeMux(runtime.WithUnescapingMode(runtime.UnescapingModeAllExceptSlash))
	var found map[string]string
	handle := func(_ http.ResponseWriter, _ *http.Request, variables map[string]string) { found = variables }
	if strict {
		mux.Handle(http.MethodGet, strictPattern(t, text), handle)
	} else if err := mux.HandlePath(http.MethodGet, text, handle); err != nil {
		t.Fatal(err)
	}
	mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
	for name, value := range found {
		found[name] = unslashed(value)
	}
	return found, found != nil
}

// strictPattern is our own translation of a template; without strictness it is
// held to be HandlePath's by TestPattern.
func strictPattern(t *testing.T, text string) runtime.Pattern {
	t.Helper()
	m := transcode.Method{
		FullName: "/x/Y", Call: transcode.Unary(pb.EverythingsClient.Text),
		Options: transcode.ServiceOptions{StrictDeepWildcard: true},
	}
	rt, err := transcode.NewRoute(m, transcode.Binding{Verb: http.MethodGet, Path: text}, transcode.RouteOptions{Mux: runtime.NewServeMux()})
	if err != nil {
		t.Fatal(err)
	}
	pattern, err := rt.Pattern()
	if err != nil {
		t.Fatal(err)
	}
	return pattern
}

func ourMatch(t *testing.T, text string, strict bool, path string) (map[string]string, bool) {
	t.Helper()
	template, err := httprule.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if strict {
		template = template.StrictDeepWildcard()
	}
	var r router.Router[bool]
	if err := r.Add(http.MethodGet, template, true); err != nil {
		t.Fatal(err)
	}
	match, _, ok := r.Lookup(http.MethodGet, httptest.NewRequest(http.MethodGet, path, nil).URL)
	if !ok {
		return nil, false
	}
	found := map[string]string{}
	for _, p := range match.Params {
		found[p.FieldPath] = unslashed(p.Value)
	}
	return found, true
}

// unslashed leaves out the slashes that grpc-gateway keeps around a "**" which
// takes no segment, and the difference between those of the path and those that
// were escaped: in a variable of several segments google.api.http leaves the
// latter escaped, and grpc-gateway does so only within its "**".
func unslashed(value string) string {
	var parts []string
	for part := range strings.SplitSeq(strings.ReplaceAll(value, "%2F", "/"), "/") {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "/")
}

// TestPattern holds that our translation of templates is grpc-gateway's own.
func TestPattern(t *testing.T) {
	for seed := range uint64(3000) {
		d := dice{rand.New(rand.NewPCG(seed, 3))}
		text := d.template()
		path := d.pathFor(text)
		m := transcode.Method{FullName: "/x/Y", Call: transcode.Unary(pb.EverythingsClient.Text)}
		rt, err := transcode.NewRoute(m, transcode.Binding{Verb: http.MethodGet, Path: text}, transcode.RouteOptions{Mux: runtime.NewServeMux()})
		if err != nil {
			t.Fatal(err)
		}
		pattern, err := rt.Pattern()
		if err != nil {
			t.Fatal(err)
		}
		var want, got map[string]string
		stock, ours := runtime.NewServeMux(), runtime.NewServeMux()
		if err := stock.HandlePath(http.MethodGet, text, func(_ http.ResponseWriter, r *http.Request, variables map[string]string) {
			want = variables
			if p, _ := runtime.HTTPPattern(r.Context()); p.String() != pattern.String() {
				t.Errorf("%q is the pattern %s, want %s", text, pattern, p)
			}
		}); err != nil {
			t.Fatal(err)
		}
		ours.Handle(http.MethodGet, pattern, func(_ http.ResponseWriter, _ *http.Request, variables map[string]string) { got = variables })
		stock.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
		ours.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q of %q (-stock +ours):\n%s", path, text, diff)
		}
	}
}

// FuzzTemplate holds that what grpc-gateway parses, we parse: but for templates
// with empty segments or two "**".
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{"/v1/{name=a/*/b/**}:verb", "/{a.b}/c:d/e", "/**", "/a:", "/{a=b:c}", "/*b/***", "/a%2F;=@", "//a", "/{a=/b}", "/{a}{b}", "/a{b}", "/:v"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		stock := runtime.NewServeMux().HandlePath(http.MethodGet, text, nil) == nil
		_, err := httprule.Parse(text)
		switch {
		case stock == (err == nil):
		case stock && (strings.Contains(text, "//") || strings.Contains(text, "=/") || text == "/" || strings.HasPrefix(text, "/:") || strings.Contains(text, "\x00")):
		default:
			t.Errorf("%q: grpc-gateway accepts it: %v; ours: %v", text, stock, err)
		}
	})
}
