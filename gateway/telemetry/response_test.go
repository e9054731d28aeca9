package telemetry_test

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/venta-hq/venta/gateway/telemetry"
)

// serve runs a handler behind the middleware of a real server and returns the
// client's response and the logged status.
func serve(t *testing.T, handler http.HandlerFunc) (*http.Response, float64) {
	t.Helper()
	reader, writer := io.Pipe()
	logger := slog.New(slog.NewJSONHandler(writer, nil))
	server := httptest.NewServer(telemetry.Middleware(telemetry.Options{Logger: logger})(handler))
	t.Cleanup(server.Close)
	line := make(chan []byte, 1)
	go func() {
		first, _ := bufio.NewReader(reader).ReadBytes('\n')
		line <- first
	}()
	response, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response, parse(t, <-line)["http.response.status_code"].(float64)
}

func TestFlush(t *testing.T) {
	for name, flush := range map[string]func(http.ResponseWriter){
		"flusher":    func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
		"controller": func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			response, status := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if began(w) {
					t.Error("begun before anything was written")
				}
				flush(w)
				if !began(w) {
					t.Error("not begun by the flush")
				}
			})
			if response.StatusCode != http.StatusOK || status != http.StatusOK {
				t.Errorf("status %d, logged %v", response.StatusCode, status)
			}
		})
	}
}

func TestHijack(t *testing.T) {
	response, status := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, buffer, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = buffer.WriteString("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
		_ = buffer.Flush()
	})
	if response.StatusCode != http.StatusNotFound || status != http.StatusSwitchingProtocols {
		t.Errorf("status %d, logged %v", response.StatusCode, status)
	}
}

// A writer that can do neither says so, and the response has not begun.
func TestUnsupported(t *testing.T) {
	h := telemetry.Middleware(telemetry.Options{})(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		controller := http.NewResponseController(w)
		var conn net.Conn
		conn, _, err := controller.Hijack()
		if conn != nil || !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("hijack: %v", err)
		}
		if err := controller.Flush(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("flush: %v", err)
		}
		if began(w) {
			t.Error("begun")
		}
	}))
	h.ServeHTTP(discard{http.Header{}}, httptest.NewRequest(http.MethodGet, "/", nil))
}

// An invalid status panics in net/http and must not count as a response, so that
// recovery can still write one.
func TestInvalidStatus(t *testing.T) {
	response, status := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		defer func() {
			if recover() == nil || began(w) {
				t.Error("an invalid status began a response")
			}
			w.WriteHeader(http.StatusInternalServerError)
		}()
		w.WriteHeader(7)
	})
	if response.StatusCode != http.StatusInternalServerError || status != http.StatusInternalServerError {
		t.Errorf("status %d, logged %v", response.StatusCode, status)
	}
}

// The deadlines of a connection are reached through the wrapper.
func TestUnwrap(t *testing.T) {
	_, status := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			t.Error(err)
		}
	})
	if status != http.StatusOK {
		t.Errorf("logged %v", status)
	}
}

func began(w http.ResponseWriter) bool { return w.(interface{ Began() bool }).Began() }
