package oracle_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway"
	pb "github.com/venta-hq/venta/gateway/transcode/oracle/internal/oraclepb"
)

// patience bounds what would hang if it went wrong.
const patience = 20 * time.Second

func soon[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("%s: waited %s", what, patience)
		panic("unreachable")
	}
}

// waiting is a service whose streams wait for their client after one message.
type waiting struct {
	arrived chan struct{} // a message of a client's stream
	gone    chan error    // why a stream ended
}

func (s waiting) wait(ctx context.Context) error {
	<-ctx.Done()
	s.gone <- ctx.Err()
	return ctx.Err()
}

func (s waiting) script() scripted {
	return scripted{
		repeat: func(m *pb.Everything, stream grpc.ServerStreamingServer[pb.Everything]) error {
			if err := stream.Send(m); err != nil {
				return err
			}
			return s.wait(stream.Context())
		},
		collect: func(stream grpc.ClientStreamingServer[pb.Everything, pb.Everything]) error {
			if _, err := stream.Recv(); err != nil {
				return err
			}
			s.arrived <- struct{}{}
			return s.wait(stream.Context())
		},
		chat: func(stream grpc.BidiStreamingServer[pb.Everything, pb.Everything]) error {
			m, err := stream.Recv()
			if err == nil {
				err = stream.Send(m)
			}
			if err != nil {
				return err
			}
			return s.wait(stream.Context())
		},
	}
}

// TestClientGone holds that a stream ends upstream when its client leaves.
func TestClientGone(t *testing.T) {
	s := waiting{arrived: make(chan struct{}, 1), gone: make(chan error, 1)}
	everyFront(t, s.script(), func(t *testing.T, _ front, c *caller) {
		t.Run("server", func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			response := c.get(t, ctx, "/v1/repeat/1?a_string=a")
			if _, ok := readLines(response.Body)(t); !ok {
				t.Fatal("no response")
			}
			leave()
			soon(t, "the upstream's end", s.gone)
		})
		t.Run("client", func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			body, responded := c.open(t, ctx, "/v1/collect")
			write(t, body, `{"aString":"a"}`)
			soon(t, "the upstream", s.arrived)
			leave()
			soon(t, "the upstream's end", s.gone)
			body.Close()
			soon(t, "the client's end", responded)
		})
		t.Run("bidi", func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			body, responded := c.open(t, ctx, "/v1/chat")
			write(t, body, `{"aString":"a"}`)
			response := soon(t, "the response", responded)
			if _, ok := readLines(response.Body)(t); !ok {
				t.Fatal("no response")
			}
			leave()
			response.Body.Close() // by which the client of HTTP/2 notices that its context is over
			soon(t, "the upstream's end", s.gone)
		})
	})
}

func write(t *testing.T, body io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(body, text+"\n"); err != nil {
		t.Fatal(err)
	}
}

func echoing(stream grpc.BidiStreamingServer[pb.Everything, pb.Everything]) error {
	return echo(stream)
}

// TestPingPong holds that both sides of a stream may wait for each other.
func TestPingPong(t *testing.T) {
	everyFront(t, scripted{chat: echoing}, func(t *testing.T, _ front, c *caller) {
		body, responded := c.open(t, t.Context(), "/v1/chat")
		write(t, body, `{"aString":"0"}`)
		response := soon(t, "the response", responded)
		defer response.Body.Close()
		next := readLines(response.Body)
		for _, text := range []string{"0", "1", "2"} {
			if l, ok := next(t); !ok || l.Result.AString != text {
				t.Fatalf("responded %+v, want %s", l, text)
			}
			write(t, body, `{"aString":"`+string(text[0]+1)+`"}`)
		}
		if l, ok := next(t); !ok || l.Result.AString != "3" {
			t.Fatalf("responded %+v", l)
		}
		body.Close()
		if l, ok := next(t); ok {
			t.Errorf("responded %+v behind the end", l)
		}
	})
}

// TestUpstreamEndsFirst holds that a stream ends with its upstream, while the
// client still sends, and that the connection is not used for what it sends then.
func TestUpstreamEndsFirst(t *testing.T) {
	s := scripted{chat: func(stream grpc.BidiStreamingServer[pb.Everything, pb.Everything]) error {
		m, err := stream.Recv()
		if err == nil {
			err = stream.Send(m)
		}
		if err != nil {
			return err
		}
		return status.Error(codes.FailedPrecondition, "enough")
	}}
	everyFront(t, s, func(t *testing.T, _ front, c *caller) {
		body, responded := c.open(t, t.Context(), "/v1/chat")
		defer body.Close()
		write(t, body, `{"aString":"a"}`)
		response := soon(t, "the response", responded)
		defer response.Body.Close()
		next := readLines(response.Body)
		if l, ok := next(t); !ok || l.Result.AString != "a" {
			t.Fatalf("responded %+v", l)
		}
		if l, ok := next(t); !ok || l.Error.Code != int(codes.FailedPrecondition) || l.Error.Message != "enough" {
			t.Fatalf("responded %+v", l)
		}
		if l, ok := next(t); ok {
			t.Errorf("responded %+v behind the end", l)
		}
		if !c.h2 && !response.Close {
			t.Error("the connection stays open")
		}
	})
}

// TestFaultyMessage holds what becomes of a message that cannot be read: the
// gateway ends the stream with the fault, grpc-gateway takes it for the end.
func TestFaultyMessage(t *testing.T) {
	ended := make(chan error, 1)
	s := scripted{chat: func(stream grpc.BidiStreamingServer[pb.Everything, pb.Everything]) error {
		err := echo(stream)
		ended <- stream.Context().Err()
		return err
	}}
	everyFront(t, s, func(t *testing.T, f front, c *caller) {
		body, responded := c.open(t, t.Context(), "/v1/chat")
		defer body.Close()
		write(t, body, `{"aString":"a"}`)
		response := soon(t, "the response", responded)
		defer response.Body.Close()
		next := readLines(response.Body)
		if l, ok := next(t); !ok || l.Result.AString != "a" {
			t.Fatalf("responded %+v", l)
		}
		write(t, body, `{"aString":1}`)
		l, ok := next(t)
		if err := soon(t, "the upstream's end", ended); (err == nil) != f.dropIn {
			t.Errorf("the upstream's context ended with %v", err)
		}
		if f.dropIn {
			if ok {
				t.Errorf("responded %+v", l)
			}
			return
		}
		if !ok || l.Error.Code != int(codes.InvalidArgument) || !strings.Contains(l.Error.Message, "aString") {
			t.Errorf("responded %+v", l)
		}
	})
}

// TestUpstreamFailsEarly holds that a client's stream gets its response while it is
// being sent.
func TestUpstreamFailsEarly(t *testing.T) {
	s := scripted{collect: func(stream grpc.ClientStreamingServer[pb.Everything, pb.Everything]) error {
		if _, err := stream.Recv(); err != nil {
			return err
		}
		return status.Error(codes.ResourceExhausted, "enough")
	}}
	everyFront(t, s, func(t *testing.T, _ front, c *caller) {
		body, responded := c.open(t, t.Context(), "/v1/collect")
		stop := make(chan struct{})
		go func() {
			defer close(stop)
			for {
				if _, err := io.WriteString(body, `{"aString":"a"}`+"\n"); err != nil {
					return
				}
			}
		}()
		response := soon(t, "the response", responded)
		if response == nil || response.StatusCode != http.StatusTooManyRequests {
			t.Errorf("response %+v", response)
		}
		if response != nil {
			response.Body.Close()
		}
		body.CloseWithError(errors.New("over"))
		<-stop
	})
}

// TestDeadline holds that a client's Grpc-Timeout ends a stream.
func TestDeadline(t *testing.T) {
	s := scripted{repeat: func(m *pb.Everything, stream grpc.ServerStreamingServer[pb.Everything]) error {
		if err := stream.Send(m); err != nil {
			return err
		}
		<-stream.Context().Done()
		return stream.Context().Err()
	}}
	everyFront(t, s, func(t *testing.T, _ front, c *caller) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.URL+"/v1/repeat/1", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Grpc-Timeout", "300m")
		response, err := c.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		next := readLines(response.Body)
		next(t)
		if l, ok := next(t); !ok || l.Error.Code != int(codes.DeadlineExceeded) {
			t.Errorf("responded %+v", l)
		}
	})
}

// TestInternalsStay holds that a gateway's streams tell nothing of an upstream's
// failure, and carry the request's id, before and behind the first message.
func TestInternalsStay(t *testing.T) {
	s := scripted{repeat: func(m *pb.Everything, stream grpc.ServerStreamingServer[pb.Everything]) error {
		for range m.GetAnInt32() {
			if err := stream.Send(m); err != nil {
				return err
			}
		}
		return status.Error(codes.Internal, "at 10.0.0.1")
	}}
	c := call(t, streamsGateway(t, s.dial(t), gateway.Options{}), false)
	for _, path := range []string{"/v1/repeat/0", "/v1/repeat/1"} {
		response := c.get(t, t.Context(), path)
		next := readLines(response.Body)
		var last line
		for l, ok := next(t); ok; l, ok = next(t) {
			last = l
		}
		details := map[string]bool{}
		for _, d := range last.Error.Details {
			details[d.Type+d.Reason] = true
		}
		if last.Error.Message != "the service failed" || !details["type.googleapis.com/google.rpc.ErrorInfoUPSTREAM_FAILED"] || !details["type.googleapis.com/google.rpc.RequestInfo"] {
			t.Errorf("%s: %+v", path, last.Error)
		}
	}
}

// TestMessageBounds holds that a gateway bounds each message of a stream, and
// not the stream.
func TestMessageBounds(t *testing.T) {
	const bound = 1000
	c := call(t, streamsGateway(t, scripted{chat: echoing, collect: backend{}.Collect}.dial(t), gateway.Options{MaxRequestBytes: bound, MaxResponseBytes: bound}), true)
	small, large := `{"aString":"`+strings.Repeat("a", bound/2)+`"}`, `{"aString":"`+strings.Repeat("a", 2*bound)+`"}`
	post := func(path, body string) *http.Response {
		response, err := c.Client().Post(c.URL+path, "", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { response.Body.Close() })
		return response
	}
	if response := post("/v1/collect", small); response.StatusCode != http.StatusOK {
		t.Errorf("a small message: status %d", response.StatusCode)
	}
	if response := post("/v1/collect", small+large); response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a large message: status %d", response.StatusCode)
	}
	next := readLines(post("/v1/chat", strings.Repeat(small, 20)+large).Body)
	messages := 0
	l, ok := next(t)
	for ; ok && l.Error.Code == 0; l, ok = next(t) {
		messages++
	}
	if messages > 20 || l.Error.Code != int(codes.InvalidArgument) {
		t.Errorf("%d messages, then %+v", messages, l)
	}
	if response := post("/v1/collect/strings", strings.Repeat(small, 3)); response.StatusCode != http.StatusBadGateway {
		t.Errorf("a large response: status %d", response.StatusCode)
	}
}

// TestValidation holds that a gateway validates each message of a stream.
func TestValidation(t *testing.T) {
	c := call(t, streamsGateway(t, scripted{chat: echoing, collect: backend{}.Collect, repeat: backend{}.Repeat}.dial(t), gateway.Options{}), true)
	for _, path := range []string{"/v1/repeat", "/v1/collect", "/v1/chat"} {
		body := `{"checked":"far too long"}`
		if path != "/v1/repeat" {
			body = `{"aString":"a"}` + body
		}
		response, err := c.Client().Post(c.URL+path, "", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || !strings.Contains(string(text), "checked") || !strings.Contains(string(text), "INVALID_REQUEST") {
			t.Errorf("%s: %s (%v)", path, text, err)
		}
	}
}
