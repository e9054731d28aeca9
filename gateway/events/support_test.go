package events

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const stream = "SHOP"

// testServer is a real server that can go and come back at its address.
type testServer struct {
	t      testing.TB
	nats   *server.Server
	folder string
	token  string
	port   int
}

func serve(t testing.TB) *testServer {
	t.Helper()
	s := &testServer{t: t, folder: t.TempDir(), token: rand.Text(), port: server.RANDOM_PORT}
	s.up()
	t.Cleanup(s.down)
	return s
}

func (s *testServer) up() {
	s.t.Helper()
	made, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: s.port, Authorization: s.token, NoSigs: true, NoLog: true, JetStream: true, StoreDir: s.folder,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	made.Start()
	if !made.ReadyForConnections(time.Minute) {
		s.t.Fatal("the server does not start")
	}
	s.nats, s.port = made, made.Addr().(*net.TCPAddr).Port
}

func (s *testServer) down() {
	s.nats.Shutdown()
	s.nats.WaitForShutdown()
}

func (s *testServer) url() string { return fmt.Sprintf("nats://%s@127.0.0.1:%d", s.token, s.port) }

func (s *testServer) connect() *Conn {
	s.t.Helper()
	c, err := Connect(Options{URL: s.url(), Name: "test"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = c.Close(ctx) // it may be away
	})
	return c
}

// makeStream makes the stream, as a service would.
func makeStream(t testing.TB, c *Conn) {
	t.Helper()
	_, err := c.js.CreateStream(bounded(t), jetstream.StreamConfig{Name: stream, Subjects: []string{"shop.>"}})
	if err != nil {
		t.Fatal(err)
	}
}

func publish(t testing.TB, c *Conn, subject, id, payload string) {
	t.Helper()
	ctx := bounded(t)
	await(t, c.Connected)
	m := &nats.Msg{Subject: subject, Data: []byte(payload), Header: nats.Header{}}
	if _, err := c.js.PublishMsg(ctx, m, jetstream.WithMsgID(id)); err != nil {
		t.Fatal(err)
	}
}

func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// await asks until it is so. Nothing else tells.
func await(t testing.TB, so func() bool) {
	t.Helper()
	ctx := bounded(t)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it never is so")
		}
	}
}

// purged keeps what a purger does.
type purged struct {
	mu   sync.Mutex
	tags map[string]int
	all  int
	told map[Outcome]int
	fail error
}

func (p *purged) options() PurgerOptions {
	p.tags, p.told = map[string]int{}, map[Outcome]int{}
	return PurgerOptions{
		Stream: stream, Rules: []Rule{{Subject: "shop.order.*", Tags: []string{"order:{data.id}"}}},
		Purge: func(_ context.Context, tags []string) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			for _, tag := range tags {
				p.tags[tag]++
			}
			return p.fail
		},
		PurgeAll: func(context.Context) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.all++
			return nil
		},
		OnEvent: func(o Outcome, _ time.Duration) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.told[o]++
		},
	}
}

func (p *purged) count(tag string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tags[tag]
}

func (p *purged) everything() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all
}

func (p *purged) outcomes(o Outcome) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.told[o]
}

func (p *purged) failWith(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = err
}

func newPurger(t testing.TB, c *Conn, o PurgerOptions) *Purger {
	t.Helper()
	p, err := NewPurger(c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}
