package compression_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/venta-hq/venta/gateway/compression"
)

func TestRoundTrip(t *testing.T) {
	bodies := [][]byte{list(1024), list(25_000), list(300_000)}
	overWire(t, func(t *testing.T, http2 bool, coding string) {
		for _, body := range bodies {
			for _, piece := range []int{len(body), 1000, 1 + len(body)/4000} {
				s, client := newServer(t, http2, wrap(t, compression.Options{}, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					for rest := body; len(rest) > 0; rest = rest[min(piece, len(rest)):] {
						_, _ = w.Write(rest[:min(piece, len(rest))])
					}
				}))
				for range 2 { // the second with a used encoder
					expect(t, fetch(t, client, http.MethodGet, s.URL, accept, coding), coding, body)
				}
			}
		}
	})
}

// TestConcurrentAnswers holds that pooled encoders and buffers mix nothing up.
func TestConcurrentAnswers(t *testing.T) {
	h := wrap(t, compression.Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		for range 300 {
			_, _ = io.WriteString(w, r.URL.Path)
		}
	})
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			path := "/" + strings.Repeat(string(rune('a'+i)), i+1) // from 600 bytes to 2.7 kB
			for range 20 {
				for _, coding := range codings {
					response := do(h, request(http.MethodGet, path, accept, coding))
					got, err := io.ReadAll(decoder(t, response.Header.Get("Content-Encoding"), response.Body))
					if err != nil || string(got) != strings.Repeat(path, 300) {
						t.Errorf("%s by %s: %v", path, coding, err)
					}
				}
			}
		})
	}
	group.Wait()
}

// TestFlush holds that what is flushed can be read while the handler goes on.
func TestFlush(t *testing.T) {
	first, next := list(2000), []byte(`{"id":"next"}`+"\n")
	overWire(t, func(t *testing.T, http2 bool, coding string) {
		read := make(chan struct{})
		s, client := newServer(t, http2, wrap(t, compression.Options{}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/x-ndjson")
			for _, piece := range [][]byte{first, next, next} {
				_, _ = w.Write(piece)
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Error(err)
				}
				select {
				case <-read:
				case <-r.Context().Done():
				}
			}
		}))
		response := fetch(t, client, http.MethodGet, s.URL, accept, coding)
		expectHeader(t, response, "Content-Encoding", coding)
		decoded := decoder(t, coding, response.Body)
		for _, piece := range [][]byte{first, next, next} {
			got := make([]byte, len(piece))
			if _, err := io.ReadFull(decoded, got); err != nil || !bytes.Equal(got, piece) {
				t.Fatalf("read %.40q, %v, want %.40q", got, err, piece)
			}
			read <- struct{}{}
		}
		if rest, err := io.ReadAll(decoded); err != nil || len(rest) > 0 {
			t.Errorf("%q, %v after the end", rest, err)
		}
	})
}

// TestEarlyFlush holds that a stream of small pieces is neither delayed nor
// compressed, not even when it grows.
func TestEarlyFlush(t *testing.T) {
	piece := []byte(`{"id":"small"}` + "\n")
	for name, early := range map[string]func(w http.ResponseWriter){
		"after a piece":     func(w http.ResponseWriter) { _, _ = w.Write(piece); w.(http.Flusher).Flush() },
		"before the status": func(w http.ResponseWriter) { w.(http.Flusher).Flush(); _, _ = w.Write(piece) },
		"by the controller": func(w http.ResponseWriter) {
			_, _ = w.Write(piece)
			_ = http.NewResponseController(w).Flush()
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := httptest.NewRecorder()
			h := wrap(t, compression.Options{}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/x-ndjson")
				early(w)
				if !client.Flushed || client.Code != http.StatusOK {
					t.Error("nothing is sent")
				}
				_, _ = w.Write(bytes.Repeat(piece, 500))
			})
			h.ServeHTTP(client, request(http.MethodGet, "/", accept, "gzip"))
			expectHeader(t, client.Result(), "Vary", accept)
			expect(t, client.Result(), "", bytes.Repeat(piece, 501))
		})
	}
}

// TestUnfinishedAnswers holds that no client takes a part for the whole,
// however the handler ends.
func TestUnfinishedAnswers(t *testing.T) {
	body := list(200_000)
	ends := map[string]func(){
		"abort":  func() { panic(http.ErrAbortHandler) },
		"panic":  func() { panic("a fault") },
		"goexit": runtime.Goexit,
	}
	overWire(t, func(t *testing.T, http2 bool, coding string) {
		for name, end := range ends {
			if http2 && name == "goexit" {
				continue // the server itself does not notice, see TestNoTrailer
			}
			s, client := newServer(t, http2, wrap(t, compression.Options{}, func(w http.ResponseWriter, r *http.Request) {
				serves(body)(w, r)
				_ = http.NewResponseController(w).Flush()
				end()
			}))
			response := fetch(t, client, http.MethodGet, s.URL, accept, coding)
			expectHeader(t, response, "Content-Encoding", coding)
			if _, err := io.Copy(io.Discard, response.Body); err == nil {
				t.Errorf("%s: the client sees a whole response", name)
			}
		}
	})
}

// TestNoTrailer looks at the encoded bytes: they are not completed, even where a
// middleware further out swallows the panic.
func TestNoTrailer(t *testing.T) {
	body := list(5000)
	for _, coding := range codings {
		for name, end := range map[string]func(){"panic": func() { panic("a fault") }, "goexit": runtime.Goexit} {
			h := wrap(t, compression.Options{}, func(w http.ResponseWriter, r *http.Request) {
				serves(body)(w, r)
				w.(http.Flusher).Flush()
				end()
			})
			client := serveUntilTheEnd(h, request(http.MethodGet, "/", accept, coding))
			got, err := io.ReadAll(decoder(t, coding, client.Body))
			if err == nil || !bytes.Equal(got, body) {
				t.Errorf("%s, %s: %d bytes, %v", coding, name, len(got), err)
			}
		}
	}
}

// serveUntilTheEnd survives a handler that panics or exits.
func serveUntilTheEnd(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	client := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }()
		h.ServeHTTP(client, r)
	}()
	<-done
	return client
}

// TestPanicBeforeTheResponse holds that a short response which was held back is not
// sent, so that there is still room for an error.
func TestPanicBeforeTheResponse(t *testing.T) {
	h := wrap(t, compression.Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusCreated)
		serves([]byte(`{"half":`))(w, r)
		panic("a fault")
	})
	client := serveUntilTheEnd(h, request(http.MethodGet, "/", accept, "gzip"))
	client.WriteHeader(http.StatusInternalServerError)
	if client.Code != http.StatusInternalServerError || client.Body.Len() > 0 {
		t.Errorf("%d %q", client.Code, client.Body)
	}
}

// TestShortOfContentLength holds that a response with less than it declared is
// aborted: with chunks the server would not notice.
func TestShortOfContentLength(t *testing.T) {
	body := list(5000)
	overWire(t, func(t *testing.T, http2 bool, coding string) {
		s, client := newServer(t, http2, wrap(t, compression.Options{}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100000")
			serves(body)(w, r)
			_ = http.NewResponseController(w).Flush()
		}))
		response := fetch(t, client, http.MethodGet, s.URL, accept, coding)
		expectHeader(t, response, "Content-Encoding", coding)
		if _, err := io.Copy(io.Discard, response.Body); err == nil {
			t.Error("the client sees a whole response")
		}
	})
}

func TestBeyondContentLength(t *testing.T) {
	body := list(5000)[:5000]
	h := wrap(t, compression.Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "5000")
		serves(body)(w, r)
		if n, err := w.Write([]byte("x")); n != 0 || !errors.Is(err, http.ErrContentLength) {
			t.Errorf("%d, %v", n, err)
		}
	})
	expect(t, get(h, accept, "gzip"), "gzip", body)
}

// TestClientGone holds that a failed write reaches the handler, and that the
// response counts as aborted.
func TestClientGone(t *testing.T) {
	for _, coding := range codings {
		var failed error
		h := wrap(t, compression.Options{}, func(w http.ResponseWriter, r *http.Request) {
			for range 100 {
				if _, failed = w.Write(list(20_000)); failed == nil {
					failed = http.NewResponseController(w).Flush()
				}
				if failed != nil {
					return
				}
			}
		})
		aborted := func() (value any) {
			defer func() { value = recover() }()
			h.ServeHTTP(gone{make(http.Header)}, request(http.MethodGet, "/", accept, coding))
			return nil
		}()
		if !errors.Is(failed, context.Canceled) || aborted != http.ErrAbortHandler {
			t.Errorf("%s: the handler sees %v, the server %v", coding, failed, aborted)
		}
	}
}

// gone is a client that has closed the connection.
type gone struct{ header http.Header }

func (w gone) Header() http.Header       { return w.header }
func (w gone) WriteHeader(int)           {}
func (w gone) Write([]byte) (int, error) { return 0, context.Canceled }
func (w gone) FlushError() error         { return nil }
