package compression_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway/compression"
)

// TestLateFields holds that what a handler sets after the status changes no
// header, though it was held back, and that trailers still arrive.
func TestLateFields(t *testing.T) {
	for name, size := range map[string]int{"held to the end": 50, "compressed": 3000} {
		t.Run(name, func(t *testing.T) {
			body := list(size)[:size]
			next := func(w http.ResponseWriter, _ *http.Request) {
				h := w.Header()
				h.Set("Content-Type", "application/json")
				h.Set("Trailer", "X-Declared")
				h.Set("X-Removed", "sent")
				h.Add("X-List", "a")
				w.WriteHeader(http.StatusAccepted)
				_, _ = w.Write(body[:20])
				h.Set("Content-Type", "text/html")
				h.Del("X-Removed")
				h.Add("X-List", "late")
				h.Set("X-Late", "late")
				h.Set("X-Declared", "1")
				h.Set(http.TrailerPrefix+"X-Undeclared", "2")
				w.WriteHeader(http.StatusTeapot)
				_, _ = w.Write(body[20:])
			}
			s, client := newServer(t, false, wrap(t, compression.Options{}, next))
			response := fetch(t, client, http.MethodGet, s.URL, accept, "gzip")
			coding := response.Header.Get("Content-Encoding")
			expect(t, response, coding, body)
			want := http.Header{"Content-Type": {"application/json"}, "X-Removed": {"sent"}, "X-List": {"a"}, "Vary": {accept}}
			if size > 1024 {
				want.Set("Content-Encoding", "gzip")
			}
			response.Header.Del("Date")
			if diff := cmp.Diff(want, response.Header); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(http.Header{"X-Declared": {"1"}, "X-Undeclared": {"2"}}, response.Trailer); diff != "" {
				t.Errorf("trailer (-want +got):\n%s", diff)
			}
			if response.StatusCode != http.StatusAccepted {
				t.Errorf("status %d", response.StatusCode)
			}
		})
	}
}

// TestHeldFieldsStayApart holds that the header of one short response does not
// reach the next.
func TestHeldFieldsStayApart(t *testing.T) {
	h := wrap(t, compression.Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-User-"+r.URL.Query().Get("user"), "secret")
		serves([]byte("{}"))(w, r)
		w.Header().Set("X-Late", "late")
	})
	for i := range 50 {
		user := string(rune('A' + i%2))
		response := do(h, request(http.MethodGet, "/?user="+user, accept, "gzip"))
		want := http.Header{"Content-Type": {"application/json"}, "Vary": {accept}, "X-User-" + user: {"secret"}}
		if diff := cmp.Diff(want, response.Header); diff != "" {
			t.Fatalf("header (-want +got):\n%s", diff)
		}
	}
}

func TestInformationalAnswers(t *testing.T) {
	body := list(3000)
	s, client := newServer(t, false, wrap(t, compression.Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		serves(body)(w, r)
	}))
	hints := 0
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		if code == http.StatusEarlyHints && h.Get("Link") != "" && h.Get("Vary") == "" {
			hints++
		}
		return nil
	}}
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(accept, "zstd")
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, response, "zstd", body)
	if hints != 1 {
		t.Errorf("%d early hints", hints)
	}
}

func TestSilentHandler(t *testing.T) {
	s, client := newServer(t, false, wrap(t, compression.Options{}, func(http.ResponseWriter, *http.Request) {}))
	response := fetch(t, client, http.MethodGet, s.URL, accept, "gzip")
	expectHeader(t, response, "Content-Length", "0")
	expect(t, response, "", nil)
}

// TestShortAnswersKeepTheirLength holds that the server can still count what was
// held back to the end.
func TestShortAnswersKeepTheirLength(t *testing.T) {
	s, client := newServer(t, false, wrap(t, compression.Options{}, serves([]byte(`{"id":1}`))))
	response := fetch(t, client, http.MethodGet, s.URL, accept, "gzip")
	expectHeader(t, response, "Content-Length", "8")
	expect(t, response, "", []byte(`{"id":1}`))
}

func TestHijack(t *testing.T) {
	for name, before := range map[string]func(http.ResponseWriter){
		"at once": func(http.ResponseWriter) {},
		"after a held response began": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "5")
			w.WriteHeader(http.StatusOK)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := newServer(t, false, wrap(t, compression.Options{}, func(w http.ResponseWriter, _ *http.Request) {
				before(w)
				conn, buffered, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				if name == "at once" {
					_, _ = buffered.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
				}
				_, _ = buffered.WriteString("hello")
				_ = buffered.Flush()
				if _, err := w.Write([]byte("x")); err == nil {
					t.Error("a write after Hijack succeeds")
				}
			}))
			expect(t, fetch(t, s.Client(), http.MethodGet, s.URL, accept, "gzip"), "", []byte("hello"))
		})
	}
	h := wrap(t, compression.Options{}, func(w http.ResponseWriter, r *http.Request) {
		if _, _, err := w.(http.Hijacker).Hijack(); err == nil {
			t.Error("a recorder is hijacked")
		}
		serves(list(3000))(w, r) // the response goes on
	})
	expect(t, get(h, accept, "gzip"), "gzip", list(3000))
}

func TestUpgrade(t *testing.T) {
	s, _ := newServer(t, false, wrap(t, compression.Options{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "echo")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		line, _ := buffered.ReadString('\n')
		_, _ = buffered.WriteString(line)
		_ = buffered.Flush()
	}))
	response := fetch(t, s.Client(), http.MethodGet, s.URL, accept, "gzip", "Connection", "Upgrade", "Upgrade", "echo")
	if response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("status %d", response.StatusCode)
	}
	conn := response.Body.(io.ReadWriteCloser)
	if _, err := io.WriteString(conn, "hello\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || line != "hello\n" {
		t.Errorf("%q, %v", line, err)
	}
}

func TestConnectPasses(t *testing.T) {
	client := httptest.NewRecorder()
	wrap(t, compression.Options{}, func(w http.ResponseWriter, r *http.Request) {
		if w != http.ResponseWriter(client) {
			t.Error("a tunnel is wrapped")
		}
	}).ServeHTTP(client, request(http.MethodConnect, "example.com:443", accept, "gzip"))
}

func TestController(t *testing.T) {
	s, client := newServer(t, false, wrap(t, compression.Options{}, func(w http.ResponseWriter, _ *http.Request) {
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Hour)); err != nil {
			t.Error(err)
		}
	}))
	fetch(t, client, http.MethodGet, s.URL)
}

// TestAfterTheHandler holds that a writer which outlives its handler reaches no
// other response.
func TestAfterTheHandler(t *testing.T) {
	for name, size := range map[string]int{"held": 10, "compressed": 3000} {
		var kept http.ResponseWriter
		h := wrap(t, compression.Options{}, func(w http.ResponseWriter, r *http.Request) {
			kept = w
			if size > 1024 {
				serves(list(size))(w, r)
			}
		})
		get(h, accept, "gzip")
		kept.WriteHeader(http.StatusTeapot)
		if _, err := kept.Write([]byte("x")); err == nil {
			t.Errorf("%s: a write after the end succeeds", name)
		}
		if err := http.NewResponseController(kept).Flush(); err == nil {
			t.Errorf("%s: a flush after the end succeeds", name)
		}
	}
}
