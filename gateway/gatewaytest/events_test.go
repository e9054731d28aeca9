package gatewaytest_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/gatewaytest"
	"github.com/venta-hq/venta/gateway/gatewaytest/internal/feed"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

const sse = "text/event-stream"

var retryField = regexp.MustCompile(`retry: \d+\n`)

// sent is what an event stream says, with the times to come again left open.
func sent(t *testing.T, response *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return retryField.ReplaceAllString(string(body), "retry: N\n")
}

func placed(sequence int) string {
	kind := []string{"KIND_PLACED", "KIND_PAID"}[sequence%2]
	n := strconv.Itoa(sequence)
	return "id: " + n + "\nevent: " + kind + "\ndata: {\"sequence\":\"" + n + "\",\"kind\":\"" + kind + "\",\"text\":\"ein \\\"Ereignis\\\"\\n\"}\n\n"
}

func TestEvents(t *testing.T) {
	s := open(t, &shop{}, gateway.Options{})
	const head, end = "retry: N\n\n", "event: end\ndata: {}\n\n"
	for _, tt := range []struct {
		name, query string
		header      []string
		want        string
	}{
		{"from the present", "", nil, head + placed(99) + placed(100) + end},
		{"from a field", "?after=98", nil, head + placed(99) + placed(100) + end},
		{"from a header", "", []string{"Last-Event-ID", "99"}, head + placed(100) + end},
		{"the header is later than the query", "?after=60", []string{"Last-Event-ID", "99"}, head + placed(100) + end},
		{"from the query", "?lastEventId=99", nil, head + placed(100) + end},
		{"a place that is forgotten", "", []string{"Last-Event-ID", "7"}, head + "event: reset\nid\ndata: {}\n\n" + placed(99) + placed(100) + end},
		{"a place that is forgotten, by its field", "?after=7", nil, head + "event: reset\nid\ndata: {}\n\n" + placed(99) + placed(100) + end},
		{"a place that nobody gave", "", []string{"Last-Event-ID", "x7"}, head + "event: reset\nid\ndata: {}\n\n" + placed(99) + placed(100) + end},
	} {
		t.Run(tt.name, func(t *testing.T) {
			response := get(t, s, "/v1/shops/a/events"+tt.query, append(tt.header, "Accept", sse)...)
			if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != sse ||
				response.Header.Get("X-Accel-Buffering") != "no" || response.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%d %v", response.StatusCode, response.Header)
			}
			if diff := cmp.Diff(tt.want, sent(t, response)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEventsBeforeTheyBegin holds that a stream which fails at once has the status of a
// unary call, and that one which ends at once has a browser stop.
func TestEventsBeforeTheyBegin(t *testing.T) {
	s := open(t, &shop{}, gateway.Options{})
	for path, want := range map[string]int{
		"/v1/shops/none/events":                            http.StatusNotFound,
		"/v1/shops/a/events?after=100":                     http.StatusNoContent,
		"/v1/shops/a/events?after=many":                    http.StatusBadRequest,
		"/v1/shops/a/events?nosuch=1":                      http.StatusBadRequest,
		"/v1/shops/" + strings.Repeat("a", 21) + "/events": http.StatusBadRequest,
	} {
		response := get(t, s, path, "Accept", sse)
		if response.StatusCode != want || response.Header.Get("Content-Type") == sse {
			t.Errorf("%s: %d %s", path, response.StatusCode, response.Header.Get("Content-Type"))
		}
	}
	if response := get(t, s, "/v1/shops/a/events", "Accept", sse, "Authorization", "Bearer wrong"); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("wrong credentials: %d", response.StatusCode)
	}
}

func TestEventsAreAskedFor(t *testing.T) {
	s := open(t, &shop{}, gateway.Options{})
	for accept, want := range map[string]string{
		"":                                    "application/json",
		"*/*":                                 "application/json",
		"text/event-stream;q=0":               "application/json",
		"text/event-stream; q=0.0, */*":       "application/json",
		"application/json":                    "application/json",
		"application/json, Text/Event-Stream": sse,
		"text/event-stream;q=0.1":             sse,
	} {
		response := get(t, s, "/v1/shops/a/events", "Accept", accept)
		if got := response.Header.Get("Content-Type"); got != want {
			t.Errorf("Accept %q: %s", accept, got)
		}
	}
}

// TestEventsFail holds that an error is the last event, in the one form that errors
// have, with when to come again.
func TestEventsFail(t *testing.T) {
	s := open(t, &shop{}, gateway.Options{})
	text := sent(t, get(t, s, "/v1/shops/breaks/events", "Accept", sse))
	_, last, _ := strings.Cut(text, "retry: N\n\nevent: error\ndata: ")
	var failure struct {
		Code    int
		Message string
		Details []map[string]any
	}
	if err := json.Unmarshal([]byte(last), &failure); err != nil || failure.Code != 9 || failure.Message != "the log has a hole" || len(failure.Details) == 0 {
		t.Errorf("%v %+v\n%s", err, failure, text)
	}
}

// TestEventsEndWithTheProcess holds that clients are told when to come again, and not
// all the same.
func TestEventsEndWithTheProcess(t *testing.T) {
	s := open(t, &shop{live: make(chan *feed.Event)}, gateway.Options{})
	times := map[string]bool{}
	var streams []*bufio.Reader
	for range 8 {
		body := bufio.NewReader(get(t, s, "/v1/shops/a/events?after=99", "Accept", sse).Body)
		for line := ""; !strings.HasPrefix(line, "data"); {
			var err error
			if line, err = body.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		streams = append(streams, body)
	}
	s.Gateway.EndStreams()
	for _, body := range streams {
		rest, err := io.ReadAll(body)
		if err != nil || !strings.Contains(string(rest), `"SHUTTING_DOWN"`) || !strings.Contains(string(rest), "event: error\n") {
			t.Fatalf("%v\n%s", err, rest)
		}
		times[retryField.FindString(string(rest))] = true
	}
	if len(times) < 4 {
		t.Errorf("all come at once: %v", times)
	}
}

func TestStreamsAreBounded(t *testing.T) {
	s := open(t, &shop{live: make(chan *feed.Event)}, gateway.Options{MaxStreams: 4})
	override(t, s, &policyv1.Stream{MaxPerPrincipal: new(int32(1)), MaxPerAddress: new(int32(3))})
	as := func(subject string) *http.Response {
		return get(t, s, "/v1/shops/a/events?after=99", "Accept", sse, "Authorization", "Bearer "+subject)
	}
	first := as("ann")
	_, _ = first.Body.Read(make([]byte, 1))
	if response := as("ann"); response.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a second of one caller: %d", response.StatusCode)
	}
	as("ben")
	as("cid")
	if response := as("dan"); response.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a fourth of one address: %d", response.StatusCode)
	}
	override(t, s, &policyv1.Stream{MaxPerAddress: new(int32(100))})
	as("dan")
	if response := as("eve"); response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a fifth in all: %d", response.StatusCode)
	}
}

// override changes the stream block of Follow.
func override(t *testing.T, s *gatewaytest.Server, block *policyv1.Stream) {
	t.Helper()
	block.Path, block.TicketPath = new("/v1/shops/{shop}/events"), new("/v1/events:ticket")
	block.ResumeField, block.IdField, block.EventField = new("after"), new("sequence"), new("kind")
	err := s.Gateway.Override([]gateway.Override{{Methods: "shop.v1.FeedService/Follow", Policy: &policyv1.Policy{Stream: block}}})
	if err != nil {
		t.Fatal(err)
	}
}
