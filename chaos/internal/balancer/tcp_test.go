package balancer_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/venta-hq/venta/chaos/internal/balancer"
)

// TestTCPMovesNewConnectionsAlone holds that a member which is not ready keeps the
// connections that it has, and gets no more.
func TestTCPMovesNewConnectionsAlone(t *testing.T) {
	first, second := newGateway(t, "first"), newGateway(t, "second")
	second.ready.Store(false)
	member := func(g *gateway) balancer.Member {
		return balancer.Member{Base: strings.TrimPrefix(g.URL, "http://"), Ready: func(context.Context) bool { return g.ready.Load() }}
	}
	b, err := balancer.StartTCP(member(first), member(second))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	client := func() *http.Client {
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		return &http.Client{Transport: transport}
	}
	kept := client()
	ask := func(c *http.Client) string {
		response, err := c.Get("http://" + b.Address()) //nolint:noctx // it responds at once
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		name, _, _ := strings.Cut(string(body), " ")
		return name
	}
	if got := ask(kept); got != "first" {
		t.Fatalf("%s responded", got)
	}
	first.ready.Store(false)
	second.ready.Store(true)
	for end := time.Now().Add(10 * time.Second); b.In(0) || !b.In(1); {
		if time.Now().After(end) {
			t.Fatal("the balancer does not see who is ready")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if got := ask(client()); got != "second" {
		t.Errorf("a new connection came to %s", got)
	}
	if got := ask(kept); got != "first" {
		t.Errorf("the connection of before came to %s", got)
	}
}
