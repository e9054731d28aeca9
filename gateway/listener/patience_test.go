package listener_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/listener"
)

// A handler's own time is not its client's: a response that begins and then goes on
// later, or at a trickle, is whole for a client that reads.
func TestAHandlersOwnTimeIsNotItsClients(t *testing.T) {
	const stall = 20 * time.Millisecond
	pause := func() { <-time.After(5 * stall) }
	handlers := map[string]http.HandlerFunc{
		"ends later": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "abc")
			pause()
		},
		"begins, and ends later": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "abc")
			_ = http.NewResponseController(w).Flush()
			pause()
		},
		"is flushed later": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "abc")
			pause()
			_ = http.NewResponseController(w).Flush()
			pause()
		},
		"trickles": func(w http.ResponseWriter, _ *http.Request) {
			for _, event := range []string{"a", "b", "c"} {
				_, _ = io.WriteString(w, event)
				_ = http.NewResponseController(w).Flush()
				pause()
			}
		},
	}
	for name, handler := range handlers {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%t", name, secure), func(t *testing.T) {
				guard, address := serve(t, listener.Options{StallTimeout: stall, MinRate: 1 << 20}, secure, handler)
				if body, err := get(address, secure); body != "abc" || err != nil {
					t.Errorf("%q, %v", body, err)
				}
				if s := guard.Stats(); s.CutSlow != 0 {
					t.Errorf("%+v", s)
				}
			})
		}
	}
}

// get asks a server, by HTTP/2 where secure.
func get(address string, secure bool) (string, error) {
	scheme := "http"
	transport := &http.Transport{DisableKeepAlives: !secure}
	if secure {
		scheme = "https"
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
		transport.ForceAttemptHTTP2 = true
	}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Get(scheme + "://" + address)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}
