package gatewaytest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/gatewaytest"
	"github.com/venta-hq/venta/gateway/gatewaytest/internal/feed"
)

// dial opens a WebSocket, or returns the refusal.
func dial(t *testing.T, s *gatewaytest.Server, path string, options *websocket.DialOptions) (*websocket.Conn, *http.Response) {
	t.Helper()
	conn, response, err := websocket.Dial(t.Context(), s.URL+path, options)
	if err != nil && (response == nil || response.StatusCode == http.StatusSwitchingProtocols) {
		t.Fatal(err)
	}
	if err == nil {
		conn.SetReadLimit(1 << 20)
		t.Cleanup(func() { _ = conn.CloseNow() })
	}
	return conn, response
}

func write(t *testing.T, conn *websocket.Conn, frames ...string) {
	t.Helper()
	for _, frame := range frames {
		if err := conn.Write(t.Context(), websocket.MessageText, []byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
}

// all returns what comes until the end, errors by their codes and reasons, and how it
// ended.
func all(t *testing.T, conn *websocket.Conn) []string {
	t.Helper()
	var got []string
	for {
		kind, frame, err := conn.Read(t.Context())
		if end, ok := errors.AsType[websocket.CloseError](err); ok {
			return append(got, strconv.Itoa(int(end.Code))+" "+end.Reason)
		}
		if err != nil {
			t.Fatalf("%v after %q", err, got)
		}
		if kind == websocket.MessageBinary {
			got = append(got, "binary "+strconv.Itoa(len(frame)))
			continue
		}
		got = append(got, short(frame))
	}
}

// short returns a frame, an error by its number and reason.
func short(frame []byte) string {
	var failure struct {
		Error *struct {
			Code    int
			Details []struct{ Reason string }
		}
	}
	if json.Unmarshal(frame, &failure) != nil || failure.Error == nil {
		return string(frame)
	}
	text := "error " + strconv.Itoa(failure.Error.Code)
	for _, detail := range failure.Error.Details {
		text += " " + detail.Reason
	}
	return strings.TrimSpace(text)
}

func framed(sequence int) string {
	kind := []string{"KIND_PLACED", "KIND_PAID"}[sequence%2]
	n := strconv.Itoa(sequence)
	return `{"id":"` + n + `","event":"` + kind + `","message":{"sequence":"` + n + `","kind":"` + kind + `","text":"ein \"Ereignis\"\n"}}`
}

const (
	follow = "/v1/shops/a/events"
	hello  = `{"message":{"text":"hello"}}`
)

// TestSockets holds what each stream says, and every way that one ends.
func TestSockets(t *testing.T) {
	s := open(t, &shop{}, gateway.Options{})
	large := `{"message":{"text":"` + strings.Repeat("a", 1000) + `"}}`
	for _, tt := range []struct {
		name, path string
		sent       []string
		want       []string
	}{
		{"a server's stream", follow, []string{`{"message":{}}`}, []string{framed(99), framed(100), "1000 OK"}},
		{"with space", follow, []string{" { \"message\" : { \"after\" : \"99\" } }\n"}, []string{framed(100), "1000 OK"}},
		{"behind a place", follow, []string{`{"message":{"after":"99"}}`}, []string{framed(100), "1000 OK"}},
		{"the query wins", follow + "?after=99", []string{`{"message":{"after":"60"}}`}, []string{framed(100), "1000 OK"}},
		{"the path wins", "/v1/shops/none/events", []string{`{"message":{"shop":"a"}}`}, []string{"error 5", "4005 NOT_FOUND"}},
		{"resumed", follow + "?lastEventId=99", []string{`{"message":{}}`}, []string{framed(100), "1000 OK"}},
		{"an unknown place", follow + "?lastEventId=7", []string{`{"message":{}}`}, []string{`{"reset":{}}`, framed(99), framed(100), "1000 OK"}},
		{"no place at all", follow + "?lastEventId=x", []string{`{"message":{}}`}, []string{`{"reset":{}}`, framed(99), framed(100), "1000 OK"}},
		{"an error behind messages", "/v1/shops/breaks/events", []string{`{"message":{}}`},
			[]string{framed(1), "error 9", "4009 FAILED_PRECONDITION"}},
		{"a wrong query", follow + "?nosuch=1", []string{`{"message":{}}`}, []string{"error 3 INVALID_REQUEST", "4003 INVALID_REQUEST"}},
		{"an invalid request", "/v1/shops/" + strings.Repeat("a", 21) + "/events", []string{`{"message":{}}`}, []string{"error 3 INVALID_REQUEST", "4003 INVALID_REQUEST"}},
		{"no request", follow, []string{`{"end":{}}`}, []string{"error 3 INVALID_REQUEST", "4003 INVALID_REQUEST"}},

		{"a chat", "/v1/chat", []string{hello, hello, `{"end":{}}`}, []string{hello, hello, `{"message":{"text":"bye"}}`, "1000 OK"}},
		{"an upload", "/v1/upload", []string{hello, hello, hello, `{"end":{}}`}, []string{`{"message":{"messages":3}}`, "1000 OK"}},
		{"an empty upload", "/v1/upload", []string{`{"end":{}}`}, []string{`{"message":{"messages":0}}`, "1000 OK"}},
		{"the upstream's error", "/v1/chat", []string{`{"message":{"text":"break"}}`}, []string{"error 10", "4010 ABORTED"}},
		{"no JSON", "/v1/chat", []string{`{"message":{]}`}, []string{"error 3 INVALID_REQUEST", "4003 INVALID_REQUEST"}},
		{"two messages", "/v1/chat", []string{`{"message":{},"message":{}}`}, []string{"error 3 INVALID_REQUEST", "4003 INVALID_REQUEST"}},
		{"a message and the end", "/v1/chat", []string{`{"message":{},"end":{}}`}, []string{"error 3 INVALID_REQUEST", "4003 INVALID_REQUEST"}},
		{"an unknown frame", "/v1/chat", []string{`{"hello":{}}`}, []string{"error 3 INVALID_REQUEST", "4003 INVALID_REQUEST"}},
		{"an empty frame", "/v1/chat", []string{``}, []string{"error 3 INVALID_REQUEST", "4003 INVALID_REQUEST"}},
		{"an unknown field", "/v1/chat", []string{`{"message":{"nosuch":1}}`}, []string{"error 3 INVALID_REQUEST", "4003 INVALID_REQUEST"}},
		{"too large", "/v1/chat", []string{large}, []string{"error 8 REQUEST_TOO_LARGE", "1009 REQUEST_TOO_LARGE"}},
		{"a second end", "/v1/upload", []string{`{"end":{}}`, `{"end":{}}`}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, response := dial(t, s, tt.path, nil)
			if conn == nil {
				body, _ := io.ReadAll(response.Body)
				t.Fatalf("%d %s", response.StatusCode, body)
			}
			for _, frame := range tt.sent {
				if err := conn.Write(t.Context(), websocket.MessageText, []byte(frame)); err != nil {
					t.Fatal(err)
				}
			}
			got := all(t, conn)
			if diff := cmp.Diff(tt.want, got); diff != "" && tt.want != nil {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestBinarySockets holds that the binary subprotocol has the same control frames.
func TestBinarySockets(t *testing.T) {
	s := open(t, &shop{}, gateway.Options{})
	binary := &websocket.DialOptions{Subprotocols: []string{"venta.v1.proto"}}
	message, err := proto.Marshal(&feed.Message{Text: "hello"})
	if err != nil {
		t.Fatal(err)
	}
	conn, _ := dial(t, s, "/v1/chat", binary)
	if err := conn.Write(t.Context(), websocket.MessageBinary, message); err != nil {
		t.Fatal(err)
	}
	kind, got, err := conn.Read(t.Context())
	if err != nil || kind != websocket.MessageBinary || !bytes.Equal(got, message) {
		t.Fatalf("%v %v %q", err, kind, got)
	}
	write(t, conn, `{"end":{}}`)
	if diff := cmp.Diff([]string{"binary 5", "1000 OK"}, all(t, conn)); diff != "" {
		t.Error(diff)
	}

	conn, _ = dial(t, s, "/v1/chat", binary)
	write(t, conn, hello)
	if diff := cmp.Diff([]string{"error 3 INVALID_REQUEST", "4003 INVALID_REQUEST"}, all(t, conn)); diff != "" {
		t.Error(diff)
	}
	conn, _ = dial(t, s, "/v1/chat", binary)
	if err := conn.Write(t.Context(), websocket.MessageBinary, []byte{0xff}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"error 3 INVALID_REQUEST", "4003 INVALID_REQUEST"}, all(t, conn)); diff != "" {
		t.Error(diff)
	}
	conn, _ = dial(t, s, "/v1/chat", nil)
	if err := conn.Write(t.Context(), websocket.MessageBinary, message); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"error 3 UNSUPPORTED_FRAME", "1003 UNSUPPORTED_FRAME"}, all(t, conn)); diff != "" {
		t.Error(diff)
	}
	conn, _ = dial(t, s, "/v1/shops/a/events", binary)
	if err := conn.Write(t.Context(), websocket.MessageBinary, nil); err != nil {
		t.Fatal(err)
	}
	if got := all(t, conn); len(got) != 3 || !strings.HasPrefix(got[0], "binary ") || got[2] != "1000 OK" {
		t.Error(got)
	}
}

// TestCompressedSockets holds that a bound is one of inflated bytes.
func TestCompressedSockets(t *testing.T) {
	s := open(t, &shop{}, gateway.Options{})
	options := &websocket.DialOptions{CompressionMode: websocket.CompressionNoContextTakeover, CompressionThreshold: 1}
	conn, response := dial(t, s, "/v1/chat", options)
	if !strings.Contains(response.Header.Get("Sec-Websocket-Extensions"), "permessage-deflate") {
		t.Fatal(response.Header)
	}
	write(t, conn, hello)
	if _, got, err := conn.Read(t.Context()); err != nil || string(got) != hello {
		t.Fatal(err, string(got))
	}
	write(t, conn, `{"message":{"text":"`+strings.Repeat("a", 900_000)+`"}}`)
	if diff := cmp.Diff([]string{"error 8 REQUEST_TOO_LARGE", "1009 REQUEST_TOO_LARGE"}, all(t, conn)); diff != "" {
		t.Error(diff)
	}
	if _, response := dial(t, s, "/v1/upload", options); response.Header.Get("Sec-Websocket-Extensions") != "" {
		t.Error("compressed where nobody has asked for it")
	}
}

func TestReceivedBytes(t *testing.T) {
	s := open(t, &shop{}, gateway.Options{})
	conn, _ := dial(t, s, "/v1/chat", nil)
	go func() {
		for conn.Write(t.Context(), websocket.MessageText, []byte(`{"message":{"text":"`+strings.Repeat("a", 900)+`"}}`)) == nil {
		}
	}()
	got := all(t, conn)
	if end := got[len(got)-2:]; !slices.Equal(end, []string{"error 8 RECEIVED_TOO_MUCH", "1008 RECEIVED_TOO_MUCH"}) {
		t.Error(end)
	}
}

// TestHandshakes holds that what is refused has an HTTP status and the error's JSON.
func TestHandshakes(t *testing.T) {
	s := open(t, &shop{}, gateway.Options{Settings: gateway.Settings{AllowedOrigins: []string{"https://shop.example"}}})
	for _, tt := range []struct {
		name, path string
		header     http.Header
		protocol   string
		want       int
	}{
		{"own origin", "/v1/chat", http.Header{"Origin": {strings.ToUpper(s.URL)}}, "", http.StatusSwitchingProtocols},
		{"allowed origin", "/v1/chat", http.Header{"Origin": {"https://shop.example"}}, "", http.StatusSwitchingProtocols},
		{"another origin", "/v1/chat", http.Header{"Origin": {"https://evil.example"}}, "", http.StatusForbidden},
		{"null origin", "/v1/chat", http.Header{"Origin": {"null"}}, "", http.StatusForbidden},
		{"unknown subprotocol", "/v1/chat", nil, "chat", http.StatusBadRequest},
		{"wrong credentials", follow, http.Header{"Authorization": {"Bearer wrong"}}, "", http.StatusUnauthorized},
		{"no socket", "/v1/shops", nil, "", http.StatusNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			options := &websocket.DialOptions{HTTPHeader: tt.header}
			if tt.protocol != "" {
				options.Subprotocols = []string{tt.protocol}
			}
			conn, response := dial(t, s, tt.path, options)
			if response.StatusCode != tt.want || conn == nil && response.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%d %v", response.StatusCode, response.Header)
			}
		})
	}
	if plain := get(t, s, "/v1/chat"); plain.StatusCode != http.StatusUpgradeRequired || plain.Header.Get("Upgrade") != "websocket" {
		t.Errorf("without an upgrade: %d %v", plain.StatusCode, plain.Header)
	}
	if plain := get(t, s, "/v1/upload"); plain.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("without an upgrade: %d", plain.StatusCode)
	}
}

// ticket gets a ticket for Follow.
func ticket(t *testing.T, s *gatewaytest.Server, token string) (string, int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/v1/events:ticket", nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := s.Client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var issued struct{ Ticket string }
	body, _ := io.ReadAll(response.Body)
	_ = json.Unmarshal(body, &issued)
	return issued.Ticket, response.StatusCode
}

func TestTickets(t *testing.T) {
	upstream := &shop{}
	s := open(t, upstream, gateway.Options{})
	with := func(ticket string) *websocket.DialOptions {
		return &websocket.DialOptions{Subprotocols: []string{"venta.v1.json", "venta.ticket." + ticket}}
	}
	if _, status := ticket(t, s, ""); status != http.StatusUnauthorized {
		t.Errorf("without credentials: %d", status)
	}
	if _, status := ticket(t, s, "wrong"); status != http.StatusUnauthorized {
		t.Errorf("with wrong credentials: %d", status)
	}
	mine, status := ticket(t, s, "ann")
	if status != http.StatusOK || mine == "" {
		t.Fatal(status)
	}
	conn, response := dial(t, s, follow, with(mine))
	if response.Header.Get("Sec-Websocket-Protocol") != "venta.v1.json" {
		t.Error(response.Header)
	}
	write(t, conn, `{"message":{}}`)
	all(t, conn)
	if upstream.mu.Lock(); !slices.Equal(upstream.seen, []string{"Bearer ann"}) {
		t.Errorf("the upstream has seen %q", upstream.seen)
	}
	upstream.mu.Unlock()
	for name, again := range map[string]string{"twice": mine, "made up": strings.Repeat("A", 43), "short": "AAAA"} {
		if _, response := dial(t, s, follow, with(again)); response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, response.StatusCode)
		}
	}
	if get := get(t, s, follow, "Sec-WebSocket-Protocol", "venta.ticket."+mine); get.StatusCode != http.StatusOK {
		t.Errorf("without a handshake it is nothing: %d", get.StatusCode)
	}
}

// expiring verifies tokens that end in a moment.
type expiring struct{ after time.Duration }

// Verify implements auth.Verifier.
func (e expiring) Verify(context.Context, string) (*auth.Principal, error) {
	p := auth.NewPrincipal("ann", nil, nil)
	p.Expires = time.Now().Add(e.after)
	return &p, nil
}

func TestStreamsEndWithTheirCredentials(t *testing.T) {
	s := open(t, &shop{live: make(chan *feed.Event)}, gateway.Options{Verifier: expiring{50 * time.Millisecond}})
	token := http.Header{"Authorization": {"Bearer ann"}}
	conn, _ := dial(t, s, follow+"?after=99", &websocket.DialOptions{HTTPHeader: token})
	write(t, conn, `{"message":{}}`)
	if diff := cmp.Diff([]string{framed(100), "error 16 CREDENTIALS_EXPIRED", "4016 CREDENTIALS_EXPIRED"}, all(t, conn)); diff != "" {
		t.Error(diff)
	}
	if text := sent(t, get(t, s, follow+"?after=99", "Accept", sse, "Authorization", "Bearer ann")); !strings.Contains(text, `"CREDENTIALS_EXPIRED"`) {
		t.Error(text)
	}
	if text := sent(t, get(t, s, follow+"?after=99", "Authorization", "Bearer ann")); !strings.Contains(text, `"CREDENTIALS_EXPIRED"`) {
		t.Error(text)
	}
}

func TestSocketsEndWithTheProcess(t *testing.T) {
	s := open(t, &shop{}, gateway.Options{})
	conn, _ := dial(t, s, "/v1/chat", nil)
	write(t, conn, hello)
	if _, got, err := conn.Read(t.Context()); err != nil || string(got) != hello {
		t.Fatal(err, string(got))
	}
	s.Gateway.EndStreams()
	if diff := cmp.Diff([]string{"error 14 SHUTTING_DOWN", "1012 SHUTTING_DOWN"}, all(t, conn)); diff != "" {
		t.Error(diff)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Gateway.WaitStreams(ctx); err != nil {
		t.Error(err)
	}
}
