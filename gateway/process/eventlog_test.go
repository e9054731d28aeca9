package process_test

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// eventLog is a real log with a stream of orders.
type eventLog struct {
	url string
	js  jetstream.JetStream
}

func startLog(t *testing.T) eventLog {
	t.Helper()
	log, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	log.Start()
	t.Cleanup(func() { log.Shutdown(); log.WaitForShutdown() })
	if !log.ReadyForConnections(waitLimit) {
		t.Fatal("the log does not start")
	}
	conn, err := nats.Connect(log.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "SHOP", Subjects: []string{"shop.>"}}); err != nil {
		t.Fatal(err)
	}
	return eventLog{log.ClientURL(), js}
}

// config is the block of a gateway that purges by it.
func (l eventLog) config() string {
	return "events: {url: '" + l.url + "', stream: SHOP, purges: [{subject: shop.order.*, tags: ['order:{id}']}]}\n"
}

// publish publishes an event of an order.
func (l eventLog) publish(t *testing.T) {
	t.Helper()
	if _, err := l.js.Publish(t.Context(), "shop.order.paid", []byte(`{"id":7}`)); err != nil {
		t.Fatal(err)
	}
}
