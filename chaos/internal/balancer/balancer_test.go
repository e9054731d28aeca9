package balancer_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/venta-hq/venta/chaos/internal/balancer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gateway is a member that responds with its name.
type gateway struct {
	*httptest.Server
	ready atomic.Bool
	came  atomic.Int64
}

func newGateway(t *testing.T, name string) *gateway {
	t.Helper()
	g := &gateway{}
	g.ready.Store(true)
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.came.Add(1)
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %v %s", name, r.Method, r.URL, r.Header["X-Forwarded-For"], body)
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) member() balancer.Member {
	return balancer.Member{Base: g.URL, Ready: func(context.Context) bool { return g.ready.Load() }}
}

func newBalancer(t *testing.T, gateways ...*gateway) *balancer.Balancer {
	t.Helper()
	var members []balancer.Member
	for _, g := range gateways {
		members = append(members, g.member())
	}
	b, err := balancer.Start(members...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func post(t *testing.T, b *balancer.Balancer) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.Base()+"/a%2Fb?q=1", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Forwarded-For", "10.0.0.1")
	r.Close = true
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// becomes waits until the first member is in or out.
func becomes(t *testing.T, b *balancer.Balancer, in bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for b.In(0) != in {
		select {
		case <-ticker.C:
		case <-t.Context().Done():
			t.Fatal("it never does")
		}
	}
}

func TestRoundRobinOverWhatIsReady(t *testing.T) {
	one, two := newGateway(t, "one"), newGateway(t, "two")
	b := newBalancer(t, one, two)
	for range 10 {
		if status, body := post(t, b); status != 200 || !strings.HasSuffix(body, " POST /a%2Fb?q=1 [10.0.0.1] body") {
			t.Fatalf("%d %s", status, body)
		}
	}
	if one.came.Load() != 5 || two.came.Load() != 5 {
		t.Errorf("%d and %d requests", one.came.Load(), two.came.Load())
	}
	one.ready.Store(false)
	becomes(t, b, false)
	for range 4 {
		post(t, b)
	}
	if one.came.Load() != 5 || two.came.Load() != 9 {
		t.Errorf("%d and %d requests with one out", one.came.Load(), two.came.Load())
	}
	one.ready.Store(true)
	becomes(t, b, true)
	post(t, b)
	post(t, b)
	if one.came.Load() != 6 {
		t.Errorf("%d requests once it is back", one.came.Load())
	}
}

func TestNobodyIsReady(t *testing.T) {
	one := newGateway(t, "one")
	one.ready.Store(false)
	if status, _ := post(t, newBalancer(t, one)); status != http.StatusServiceUnavailable {
		t.Errorf("%d", status)
	}
}

// TestItHidesNothing holds that a request to a member that died is not tried
// elsewhere.
func TestItHidesNothing(t *testing.T) {
	one, two := newGateway(t, "one"), newGateway(t, "two")
	b := newBalancer(t, one, two)
	one.Close()
	failed := 0
	for range 4 {
		if status, _ := post(t, b); status == http.StatusBadGateway {
			failed++
		}
	}
	if failed != 2 {
		t.Errorf("%d of 4 failed", failed)
	}
}
