package gatewaytest_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/gatewaytest"
	"github.com/venta-hq/venta/gateway/gatewaytest/internal/feed"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestStreamsOnAMux holds that a mux of the program's own offers the same.
func TestStreamsOnAMux(t *testing.T) {
	conn := gatewaytest.Dial(t, func(r grpc.ServiceRegistrar) { feed.RegisterFeedServiceServer(r, &shop{}) })
	gw, err := gateway.New(gateway.Options{Verifier: tokens{}})
	if err != nil {
		t.Fatal(err)
	}
	mux := runtime.NewServeMux()
	if err := feed.RegisterFeedServiceHandler(gateway.NewContext(t.Context(), gw), mux, conn); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s := &gatewaytest.Server{URL: server.URL, Client: server.Client(), Gateway: gw}

	want := "retry: N\n\n" + placed(100) + "event: end\ndata: {}\n\n"
	got := sent(t, get(t, s, follow, "Accept", sse, "Last-Event-ID", "99"))
	if diff := cmp.Diff(want, strings.ReplaceAll(got, `, "`, `,"`)); diff != "" { // protojson puts spaces by chance
		t.Errorf("events (-want +got):\n%s", diff)
	}
	chat, response := dial(t, s, "/v1/chat", nil)
	if chat == nil {
		t.Fatal(response.Status)
	}
	write(t, chat, hello, `{"end":{}}`)
	if diff := cmp.Diff([]string{hello, `{"message":{"text":"bye"}}`, "1000 OK"}, all(t, chat)); diff != "" {
		t.Error(diff)
	}
	mine, status := ticket(t, s, "ann")
	if status != http.StatusOK {
		t.Fatal(status)
	}
	if conn, response := dial(t, s, follow, &websocket.DialOptions{Subprotocols: []string{"venta.ticket." + mine, "venta.v1.json"}}); conn == nil {
		t.Error(response.Status)
	}
}

// TestAnOverrideOfAStream holds that an operator may remove a stream, and may not move
// what clients are built on.
func TestAnOverrideOfAStream(t *testing.T) {
	s := open(t, &shop{}, gateway.Options{})
	change := func(block *policyv1.Stream) error {
		return s.Gateway.Override([]gateway.Override{{Methods: "shop.v1.FeedService/Chat", Policy: &policyv1.Policy{Stream: block}}})
	}
	if err := change(&policyv1.Stream{Path: new("/v1/elsewhere")}); err == nil || !strings.Contains(err.Error(), "stream.path") {
		t.Errorf("moved: %v", err)
	}
	if err := change(&policyv1.Stream{Disabled: new(true)}); err != nil {
		t.Fatal(err)
	}
	if _, response := dial(t, s, "/v1/chat", nil); response.StatusCode != http.StatusNotFound {
		t.Errorf("removed: %d", response.StatusCode)
	}
	if err := s.Gateway.Override(nil); err != nil {
		t.Fatal(err)
	}
	if conn, response := dial(t, s, "/v1/chat", nil); conn == nil {
		t.Error(response.Status)
	}
}

// TestASlowReader holds that a client which reads nothing is sent away once more waits
// for it than may.
func TestASlowReader(t *testing.T) {
	upstream := &shop{live: make(chan *feed.Event)}
	s := open(t, upstream, gateway.Options{})
	override(t, s, &policyv1.Stream{SlowConsumer: policyv1.Stream_SLOW_CONSUMER_DISCONNECT.Enum(), BufferBytes: new(int64(4096))})
	slow, _ := dial(t, s, follow+"?after=100", nil)
	write(t, slow, `{"message":{}}`)
	go func() { // until neither the kernel nor the buffer has room
		for {
			select {
			case upstream.live <- &feed.Event{Sequence: 101, Text: strings.Repeat("a", 1<<20)}:
			case <-t.Context().Done():
				return
			}
		}
	}()
	if err := s.Gateway.WaitStreams(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestPace holds that what comes too fast is neither lost nor refused.
func TestPace(t *testing.T) {
	s := open(t, &shop{}, gateway.Options{})
	conn, _ := dial(t, s, "/v1/upload", nil)
	frames := bytes.Repeat([]byte(hello+"\n"), 10_200)
	for frame := range bytes.Lines(frames) {
		if err := conn.Write(t.Context(), websocket.MessageText, frame); err != nil {
			t.Fatal(err)
		}
	}
	write(t, conn, `{"end":{}}`)
	if diff := cmp.Diff([]string{`{"message":{"messages":10200}}`, "1000 OK"}, all(t, conn)); diff != "" {
		t.Error(diff)
	}
}
