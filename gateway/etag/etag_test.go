package etag

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
)

// The messages of these tests: a version within a message, and one by itself.
func nested(version string) *errdetails.QuotaFailure_Violation {
	return &errdetails.QuotaFailure_Violation{Subject: version}
}

func fieldOf(t testing.TB, m proto.Message, path string) policy.FieldPath {
	t.Helper()
	field, err := policy.ResolveFieldPath(m.ProtoReflect().Descriptor(), path)
	if err != nil {
		t.Fatal(err)
	}
	return field
}

func reads(t testing.TB) *Conditions {
	return New(Options{Reads: true, Field: fieldOf(t, nested(""), "subject")})
}

func writes(t testing.TB) *Conditions {
	return New(Options{Field: fieldOf(t, nested(""), "subject")})
}

func request(method string, fields ...string) *http.Request {
	r := httptest.NewRequest(method, "/", nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	return r
}

// reasonOf returns the reason of a refusal, "" for none.
func reasonOf(t testing.TB, err error) apierror.Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	own := apierror.As(err)
	if own == nil {
		t.Fatalf("%v is not the gateway's", err)
	}
	if failed := own.HTTPStatus == http.StatusPreconditionFailed; failed != (own.Reason == apierror.PreconditionFailed) {
		t.Errorf("%s with the status %d", own.Reason, own.HTTPStatus)
	}
	return own.Reason
}

// TestTags holds that each version has a tag of its own, which comes back as the
// version, with and without what compression adds.
func TestTags(t *testing.T) {
	seen := map[string]string{}
	for version, want := range map[string]string{
		"1": `"1"`, "a-b": `"a-b"`, "a,b": `"a,b"`, "a b": `"a%20b"`, "%20": `"%2520"`, `"a"`: `"%22a%22"`, `W/"a"`: `"W/%22a%22"`,
		"é": `"%C3%A9"`, "\x00\n": `"%00%0A"`, "a-gzip": `"a%2Dgzip"`, "-br": `"%2Dbr"`, "a-zstd": `"a%2Dzstd"`, "*": `"*"`, "+": `"+"`,
		"":                                 "",
		strings.Repeat("x", mostVersion+1): "",
	} {
		tag := encode(version)
		if tag != want {
			t.Errorf("%q is %s, want %s", version, tag, want)
		}
		if tag == "" {
			continue
		}
		if other, ok := seen[tag]; ok {
			t.Errorf("%q and %q share %s", other, version, tag)
		}
		seen[tag] = version
		for _, coding := range append(codings(), "") {
			sent := strings.TrimSuffix(tag, `"`) + coding + `"`
			got, err := writes(t).wanted([]string{sent})
			if err != nil || got != version {
				t.Errorf("%s came back as %q, %v", sent, got, err)
			}
		}
	}
}

func FuzzTags(f *testing.F) {
	f.Add("a-gzip")
	f.Add(`%"`)
	c := writes(f)
	f.Fuzz(func(t *testing.T, version string) {
		tag := encode(version)
		if tag == "" {
			return
		}
		for _, b := range []byte(tag[1 : len(tag)-1]) {
			if b <= ' ' || b >= 0x7f || b == '"' {
				t.Fatalf("%q has the tag %s", version, tag)
			}
		}
		if got, err := c.wanted([]string{tag}); err != nil || got != version {
			t.Errorf("%q came back as %q, %v", version, got, err)
		}
	})
}

// TestAdmitWithoutVersion holds that no condition is passed over which a write is
// lost by.
func TestAdmitWithoutVersion(t *testing.T) {
	const refused = apierror.PreconditionUnsupported
	tests := []struct {
		method string
		fields []string
		want   apierror.Reason
	}{
		{"PATCH", nil, ""},
		{"PATCH", []string{"If-Match", `"1"`}, refused},
		{"PATCH", []string{"If-Match", "*"}, refused},
		{"GET", []string{"If-Match", `"1"`}, refused},
		{"PUT", []string{"If-Unmodified-Since", "Mon, 02 Nov 2026 10:00:00 GMT"}, refused},
		{"GET", []string{"If-Unmodified-Since", "x"}, refused},
		{"GET", []string{"If-None-Match", `"1"`}, ""},
		{"HEAD", []string{"If-None-Match", "*"}, ""},
		{"PUT", []string{"If-None-Match", "*"}, refused},
		{"DELETE", []string{"If-None-Match", `"1"`}, refused},
		{"PUT", []string{"If-Modified-Since", "Mon, 02 Nov 2026 10:00:00 GMT"}, ""}, // RFC 9110, section 13.1.3
	}
	for _, test := range tests {
		r := request(test.method, test.fields...)
		if got := reasonOf(t, New(Options{}).Admit(r)); got != test.want {
			t.Errorf("%s %q: %q, want %q", test.method, test.fields, got, test.want)
		}
		if err := New(Options{AsStock: true}).Admit(r); err != nil {
			t.Errorf("as stock, %s %q: %v", test.method, test.fields, err)
		}
	}
}

// TestWrites is what If-Match becomes in the request of a write.
func TestWrites(t *testing.T) {
	const malformed, unsupported, failed = apierror.InvalidRequest, apierror.PreconditionUnsupported, apierror.PreconditionFailed
	tests := []struct {
		name   string
		given  string // in the request itself
		fields []string
		want   string
		reason apierror.Reason
	}{
		{"nothing", "", nil, "", ""},
		{"nothing beside a version", "1", nil, "1", ""},
		{"a tag", "", []string{"If-Match", `"1"`}, "1", ""},
		{"the same version", "1", []string{"If-Match", `"1"`}, "1", ""},
		{"another version", "2", []string{"If-Match", `"1"`}, "2", malformed},
		{"any", "", []string{"If-Match", "*"}, "", ""},
		{"any beside a version", "1", []string{"If-Match", " * "}, "1", ""},
		{"an encoding's", "", []string{"If-Match", `"1-br"`}, "1", ""},
		{"a version and its encoding's", "", []string{"If-Match", `"1", "1-gzip"`}, "1", ""},
		{"on two lines", "", []string{"If-Match", `"1"`, "If-Match", `"1-gzip"`}, "1", ""},
		{"several", "", []string{"If-Match", `"1", "2"`}, "", unsupported},
		{"any of a list", "", []string{"If-Match", `"1", *`}, "", malformed},
		{"a weak one", "", []string{"If-Match", `W/"1"`}, "", failed},
		{"a weak and a strong one", "", []string{"If-Match", `W/"1", "2"`}, "2", ""},
		{"no quotes", "", []string{"If-Match", `1`}, "", malformed},
		{"half a tag", "", []string{"If-Match", `"1`}, "", malformed},
		{"no comma", "", []string{"If-Match", `"1""2"`}, "", malformed},
		{"empty", "", []string{"If-Match", ``}, "", malformed},
		{"commas", "", []string{"If-Match", ` , ,`}, "", malformed},
		{"a date beside a tag", "", []string{"If-Match", `"1"`, "If-Unmodified-Since", "x"}, "1", ""},
		{"a date", "", []string{"If-Unmodified-Since", "Mon, 02 Nov 2026 10:00:00 GMT"}, "", unsupported},
		{"if there is none", "", []string{"If-None-Match", "*"}, "", unsupported},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, r, m := writes(t), request("PATCH", test.fields...), nested(test.given)
			err := c.Admit(r)
			if err == nil {
				err = c.Fill(r, m)
			}
			if got := reasonOf(t, err); got != test.reason || m.GetSubject() != test.want {
				t.Errorf("%q with the version %q, want %q with %q", got, m.GetSubject(), test.reason, test.want)
			}
		})
	}
}

// TestFailed holds that an ABORTED to If-Match, and nothing else, is the condition's.
func TestFailed(t *testing.T) {
	aborted := status.Error(codes.Aborted, "it was changed")
	own := &apierror.Error{Code: codes.Aborted, Reason: apierror.Overloaded}
	tests := []struct {
		name   string
		match  string
		err    error
		failed bool
	}{
		{"of a tag", `"1"`, aborted, true},
		{"of no tag", "", aborted, false},
		{"of any", "*", aborted, false},
		{"another status", `"1"`, status.Error(codes.NotFound, "x"), false},
		{"the gateway's own", `"1"`, own, false},
		{"no error", `"1"`, nil, false},
	}
	for _, test := range tests {
		r := request("PATCH")
		if test.match != "" {
			r.Header.Set("If-Match", test.match)
		}
		got := writes(t).Failed(r, test.err)
		if !test.failed {
			if !errors.Is(got, test.err) || apierror.As(got) != apierror.As(test.err) {
				t.Errorf("%s: %v", test.name, got)
			}
			continue
		}
		if reasonOf(t, got) != apierror.PreconditionFailed || status.Convert(got).Message() != "it was changed" {
			t.Errorf("%s: %v", test.name, got)
		}
	}
	r := request("GET", "If-Match", `"1"`)
	if got := reads(t).Failed(r, aborted); !errors.Is(got, aborted) || apierror.As(got) != nil {
		t.Errorf("of a read: %v", got)
	}
}

// wire is a response as it came.
type wire struct {
	proto.Message
	bytes []byte
}

func (w wire) Wire() []byte { return w.bytes }

// TestReads is what becomes of a read's response, decoded or not.
func TestReads(t *testing.T) {
	tests := []struct {
		name        string
		version     string
		fields      []string
		tag         string
		notModified bool
		failed      bool
	}{
		{"no condition", "1", nil, `"1"`, false, false},
		{"no version", "", nil, "", false, false},
		{"matches", "1", []string{"If-Match", `"0", "1"`}, `"1"`, false, false},
		{"an encoding's matches", "1", []string{"If-Match", `"1-zstd"`}, `"1"`, false, false},
		{"does not match", "2", []string{"If-Match", `"1"`}, `"2"`, false, true},
		{"a weak one does not match", "1", []string{"If-Match", `W/"1"`}, `"1"`, false, true},
		{"any", "1", []string{"If-Match", "*"}, `"1"`, false, false},
		{"any without a version", "", []string{"If-Match", "*"}, "", false, false},
		{"no version matches none", "", []string{"If-Match", `"1"`}, "", false, true},
		{"unchanged", "1", []string{"If-None-Match", `"0", W/"1"`}, `"1"`, true, false},
		{"unchanged, encoded", "1", []string{"If-None-Match", `"1-gzip"`}, `"1"`, true, false},
		{"unchanged, any", "1", []string{"If-None-Match", "*"}, `"1"`, true, false},
		{"changed", "2", []string{"If-None-Match", `"1"`}, `"2"`, false, false},
		{"no version is not unchanged", "", []string{"If-None-Match", "*"}, "", false, false},
		{"both", "1", []string{"If-Match", `"1"`, "If-None-Match", `"1"`}, `"1"`, true, false},
		{"both, changed", "2", []string{"If-Match", `"1"`, "If-None-Match", `"2"`}, `"2"`, false, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			whole, err := proto.Marshal(nested(test.version))
			if err != nil {
				t.Fatal(err)
			}
			for _, response := range []proto.Message{nested(test.version), wire{nested("other"), whole}} {
				h := http.Header{}
				notModified, err := reads(t).Present(h, request("GET", test.fields...), response)
				failed := reasonOf(t, err) == apierror.PreconditionFailed
				if h.Get("Etag") != test.tag || notModified != test.notModified || failed != test.failed {
					t.Errorf("%T: %q, not modified %v, %v", response, h.Get("Etag"), notModified, err)
				}
			}
		})
	}
}

// TestWire holds that the value found in wire bytes is that of the decoded message.
func TestWire(t *testing.T) {
	m := &errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{nested("1"), nested("2"), {Description: "no version"}}}
	bytes, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	// A list stands for a message that comes in parts: they are merged.
	if got := string(find(bytes, []protoreflect.FieldNumber{1, 1})); got != "2" {
		t.Errorf("found %q", got)
	}
	for i := range bytes {
		_ = find(bytes[:i], []protoreflect.FieldNumber{1, 1}) // half a message is none, and no panic
	}
	for _, path := range [][]protoreflect.FieldNumber{{2}, {1, 9}, {1, 1, 1}} {
		if got := find(bytes, path); len(got) > 0 {
			t.Errorf("%v: %q", path, got)
		}
	}
}

// TestShadow holds that the block in shadow mode tells, and does what is done without
// one.
func TestShadow(t *testing.T) {
	var told []string
	open := func(c *Conditions, asStock bool) *Conditions {
		o := c.Options
		o.Shadow, o.AsStock = true, asStock
		o.OnShadow = func(_ context.Context, would string) { told = append(told, would) }
		return New(o)
	}
	for _, asStock := range []bool{false, true} {
		told = nil
		refused := apierror.PreconditionUnsupported
		if asStock {
			refused = ""
		}
		w, r := open(writes(t), asStock), open(reads(t), asStock)
		m, patch := nested(""), request("PATCH", "If-Match", `"1"`)
		if got := reasonOf(t, w.Admit(patch)); got != refused {
			t.Errorf("a write: %q", got)
		}
		if err := w.Fill(patch, m); err != nil || m.GetSubject() != "" {
			t.Errorf("filled: %v %v", m, err)
		}
		aborted := status.Error(codes.Aborted, "x")
		if got := w.Failed(patch, aborted); !errors.Is(got, aborted) || apierror.As(got) != nil {
			t.Errorf("an error: %v", got)
		}
		_ = w.Admit(request("PATCH", "If-Match", `"1", "2"`))
		h := http.Header{}
		if unchanged, err := r.Present(h, request("GET", "If-None-Match", `"1"`), nested("1")); unchanged || err != nil || len(h) > 0 {
			t.Errorf("a read: %v %v %v", unchanged, err, h)
		}
		if want := []string{"fill", "refuse", "tag"}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	}
}
