package telemetry

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
)

// names takes the names of fields.
type names map[string]bool

func (n names) text(key, _ string)                  { n[key] = true }
func (n names) address(key string, _ netip.Addr)    { n[key] = true }
func (n names) digest(key string, _ []byte)         { n[key] = true }
func (n names) number(key string, _ int64)          { n[key] = true }
func (n names) seconds(key string, _ time.Duration) { n[key] = true }
func (n names) ratio(key string, _ float64)         { n[key] = true }

// TestThePageHasEveryField compares the operators' page with what lines can have.
func TestThePageHasEveryField(t *testing.T) {
	page, err := os.ReadFile("../../docs/observability.md")
	if err != nil {
		t.Fatal(err)
	}
	part := regexp.MustCompile(`(?s)### The access log\n(.*?)\n\*\*Fewer`).FindSubmatch(page)
	if part == nil {
		t.Fatal("the page has no access log")
	}
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllSubmatch(part[1], -1) {
		documented = append(documented, string(row[1]))
	}
	told := names{}
	for _, principal := range []PrincipalForm{PrincipalHash, PrincipalClear} {
		for _, stream := range []bool{false, true} {
			everyField(t, principal, stream).tell(told)
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(told)), slices.Sorted(slices.Values(documented))); diff != "" {
		t.Errorf("(-lines +page):\n%s", diff)
	}
}

// everyField is the end of a request of which there is all to tell.
func everyField(t *testing.T, principal PrincipalForm, stream bool) *entry {
	t.Helper()
	access, err := NewAccessLog(AccessOptions{Principal: principal})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("INVENTED", "/v1/orders/7", http.NoBody)
	r.ContentLength = 1
	r.Header.Set("User-Agent", "a")
	q := &Request{clientAddress: func(*http.Request) netip.Addr { return netip.MustParseAddr("198.51.100.1") }}
	sampled := trace.NewSpanContext(trace.SpanContextConfig{TraceID: [16]byte{1}, SpanID: [8]byte{1}, TraceFlags: trace.FlagsSampled})
	q.ctx.Begin(trace.ContextWithSpanContext(t.Context(), sampled), requestKey{}, q, &q.record)
	address := "a:1"
	q.record.address.Store(&address)
	q.record.calls = callTimes{begun: 1, stream: stream}
	q.record.cache.text, q.record.limit, q.record.queued, q.record.caller = "miss", "each", 1, Caller{Subject: "ada"}
	q.record.failure = failure{code: codes.ResourceExhausted, policy: "rate_limits"}
	return &entry{
		Ended: &Ended{
			q: q, r: r, route: NewRoute("/v1/orders/{id}", "/shop.v1.Orders/Get"), now: time.Now(), access: access, error: "RATE_LIMITED",
		},
		leftOut: 1, ratio: 0.5,
	}
}
