package listener_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/venta-hq/venta/gateway/listener"
)

// TestConnectionsAndTheirBytesAreCounted counts what goes over the network.
func TestConnectionsAndTheirBytesAreCounted(t *testing.T) {
	t.Parallel()
	const response = 10_000
	guard, address := serve(t, listener.Options{}, false, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, response))
	})
	for range 2 {
		conn := dial(t, address)
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "both are closed", func() bool { return guard.Stats().Connections == 0 })
	const request = int64(len("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
	if s := guard.Stats(); s.Accepted != 2 || s.ReceivedBytes != 2*request || s.SentBytes <= 2*response || s.SentBytes > 3*response {
		t.Errorf("%+v", s)
	}
}
