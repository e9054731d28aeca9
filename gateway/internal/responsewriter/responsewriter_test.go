package responsewriter_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/venta-hq/venta/gateway/internal/responsewriter"
)

// scripted is a ResponseWriter that writes down what reaches it.
type scripted struct {
	header   http.Header
	log      *[]string
	flushErr error
	writeErr error
	conn     net.Conn
}

func (s *scripted) Header() http.Header { return s.header }

func (s *scripted) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic("no status")
	}
	*s.log = append(*s.log, fmt.Sprint("status ", status))
}

func (s *scripted) Write(p []byte) (int, error) {
	*s.log = append(*s.log, "body")
	return len(p), s.writeErr
}

func (s *scripted) FlushError() error {
	*s.log = append(*s.log, "flush")
	return s.flushErr
}

func (s *scripted) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if s.conn == nil {
		return nil, nil, http.ErrNotSupported
	}
	return s.conn, nil, nil
}

var errScripted = errors.New("scripted")

// TestWatcher runs handlers and looks at what was passed on, in which order
// OnBegin came, and what is remembered.
func TestWatcher(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	controller := http.NewResponseController
	tests := []struct {
		name     string
		below    scripted
		handler  func(w http.ResponseWriter)
		log      []string
		status   int
		bytes    int64
		streamed bool
		err      error
	}{
		{name: "nothing", handler: func(http.ResponseWriter) {}},
		{
			name: "a body alone", handler: func(w http.ResponseWriter) { _, _ = io.WriteString(w, "abc") },
			log: []string{"begin 200", "body"}, status: 200, bytes: 3,
		},
		{
			name: "a status and two parts of a body", handler: func(w http.ResponseWriter) {
				w.WriteHeader(404)
				_, _ = io.WriteString(w, "abc")
				_, _ = io.WriteString(w, "d")
			},
			log: []string{"begin 404", "status 404", "body", "body"}, status: 404, bytes: 4,
		},
		{
			name: "one status too many, which the server logs", handler: func(w http.ResponseWriter) {
				w.WriteHeader(204)
				w.WriteHeader(500)
			},
			log: []string{"begin 204", "status 204", "status 500"}, status: 204,
		},
		{
			name: "informational responses begin nothing", handler: func(w http.ResponseWriter) {
				w.WriteHeader(100)
				w.WriteHeader(103)
			},
			log: []string{"status 100", "status 103"},
		},
		{
			name: "101 is the last word", handler: func(w http.ResponseWriter) { w.WriteHeader(101) },
			log: []string{"begin 101", "status 101"}, status: 101,
		},
		{
			name: "a flush by assertion", handler: func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
			log: []string{"begin 200", "flush"}, status: 200, streamed: true,
		},
		{
			name: "a flush that fails begins nothing", below: scripted{flushErr: errScripted},
			handler: func(w http.ResponseWriter) {
				if err := controller(w).Flush(); !errors.Is(err, errScripted) {
					t.Errorf("Flush = %v", err)
				}
			},
			log: []string{"begin 200", "flush"}, streamed: true,
		},
		{
			name: "the first error of a write stays", below: scripted{writeErr: errScripted},
			handler: func(w http.ResponseWriter) { _, _ = io.WriteString(w, "a") },
			log:     []string{"begin 200", "body"}, status: 200, bytes: 1, err: errScripted,
		},
		{
			name: "hijacked", below: scripted{conn: ours},
			handler: func(w http.ResponseWriter) {
				if conn, _, err := controller(w).Hijack(); conn != ours || err != nil {
					t.Errorf("Hijack = %v, %v", conn, err)
				}
			},
			log: []string{"begin 101"}, status: 101, streamed: true,
		},
		{
			name: "a refused hijack begins nothing", handler: func(w http.ResponseWriter) {
				if _, _, err := controller(w).Hijack(); !errors.Is(err, http.ErrNotSupported) {
					t.Errorf("Hijack = %v", err)
				}
			},
			log: []string{"begin 101"}, streamed: true,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var log []string
			below := test.below
			below.header, below.log = http.Header{}, &log
			w := &responsewriter.Watcher{ResponseWriter: &below}
			w.OnBegin = func(status int) {
				if w.Began() {
					t.Error("OnBegin comes after the beginning")
				}
				log = append(log, fmt.Sprint("begin ", status))
			}
			test.handler(w)
			if !slices.Equal(log, test.log) {
				t.Errorf("got %q, want %q", log, test.log)
			}
			if w.Status() != test.status || w.Began() != (test.status != 0) || w.Bytes() != test.bytes ||
				w.Streamed() != test.streamed || !errors.Is(w.Err(), test.err) {
				t.Errorf("status %d, bytes %d, streamed %v, error %v", w.Status(), w.Bytes(), w.Streamed(), w.Err())
			}
		})
	}
}

// TestInvalidStatus holds that a status which the server refuses leaves room for
// an error response.
func TestInvalidStatus(t *testing.T) {
	w := &responsewriter.Watcher{ResponseWriter: &scripted{log: new([]string)}}
	defer func() {
		if recover() == nil || w.Began() {
			t.Errorf("began %v", w.Began())
		}
	}()
	w.WriteHeader(1000)
}

// TestOnBeginChangesTheHeader holds that it comes before the header leaves, over
// the wire and for HEAD, too.
func TestOnBeginChangesTheHeader(t *testing.T) {
	var watched *responsewriter.Watcher
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		watched = &responsewriter.Watcher{ResponseWriter: w, OnBegin: func(int) { w.Header().Set("X-Begun", "yes") }}
		watched.WriteHeader(http.StatusEarlyHints)
		_, _ = io.WriteString(watched, "abc")
	}))
	defer server.Close()
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response.StatusCode != 200 || response.Header.Get("X-Begun") != "yes" || watched.Status() != 200 {
			t.Errorf("%s: %d %v, seen %d", method, response.StatusCode, response.Header, watched.Status())
		}
	}
}
