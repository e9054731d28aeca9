package main_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	vendorstore "github.com/venta-hq/venta/services/store"
)

// natsBinary builds the server of the pinned module, once.
var natsBinary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(binary), "nats-server")
	out, err := exec.Command("go", "build", "-o", path, "github.com/nats-io/nats-server/v2").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// natsServer is a server in a process of its own, which can crash and come back.
type natsServer struct {
	t         *testing.T
	port      int
	folder    string
	cmd       *exec.Cmd
	testToken string
}

func startNATS(t *testing.T) *natsServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	s := &natsServer{t: t, port: port, folder: t.TempDir(), testToken: "s3cr3t-token"}
	s.up()
	t.Cleanup(s.kill)
	return s
}

func (s *natsServer) url() string { return fmt.Sprintf("nats://%s@127.0.0.1:%d", s.testToken, s.port) }

func (s *natsServer) up() {
	s.t.Helper()
	path, err := natsBinary()
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.Command(path, "-js", "-a", "127.0.0.1", "-p", fmt.Sprint(s.port), "-sd", s.folder, "--auth", s.testToken)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
}

// kill ends it at once, as a crash does.
func (s *natsServer) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// told is an event of the stream.
type told struct {
	id, vendor, name string
	revision         int64
}

// eventsOf reads the stream until it has at least count events of vendors.
func eventsOf(t *testing.T, url string, count int) []told {
	t.Helper()
	return eventsUntil(t, url, func(all []told) bool {
		seen := map[string]bool{}
		for _, e := range all {
			seen[e.id] = true
		}
		return len(seen) >= count
	})
}

// eventsUntil reads the stream's events of vendors until they are enough.
func eventsUntil(t *testing.T, url string, enough func([]told) bool) []told {
	t.Helper()
	nc, err := nats.Connect(url, nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	poll(t, time.Minute, 50*time.Millisecond, func() bool { _, err := js.Stream(ctx, "EVENTS"); return err == nil })
	consumer, err := js.OrderedConsumer(ctx, "EVENTS", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"events.vendor.>"}})
	if err != nil {
		t.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Stop()
	var all []told
	for !enough(all) {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			t.Errorf("after %d events: %v", len(all), err)
			return all
		}
		var envelope struct {
			MessageID string
			Data      struct {
				ID       string
				Revision int64
				Profile  struct{ Name string }
			}
		}
		if err := json.Unmarshal(m.Data(), &envelope); err != nil {
			t.Fatal(err)
		}
		if id := m.Headers().Get(jetstream.MsgIDHeader); id != envelope.MessageID {
			t.Errorf("ids %q and %q", id, envelope.MessageID)
		}
		all = append(all, told{envelope.MessageID, envelope.Data.ID, envelope.Data.Profile.Name, envelope.Data.Revision})
	}
	return all
}

// checkEvents holds that every name that was answered has its event, each vendor's in
// order, and that copies have one id.
func checkEvents(t *testing.T, all []told, acknowledged map[string]bool) {
	t.Helper()
	type change struct {
		vendor   string
		revision int64
	}
	last, ids, named := map[string]int64{}, map[change]string{}, map[string]bool{}
	for _, e := range all {
		named[e.name] = true
		of := change{e.vendor, e.revision}
		if id, again := ids[of]; again {
			if id != e.id {
				t.Errorf("one change has the ids %s and %s", id, e.id)
			}
			continue
		}
		ids[of] = e.id
		if e.revision < last[e.vendor] {
			t.Errorf("vendor %s: revision %d after %d", e.vendor, e.revision, last[e.vendor])
		}
		last[e.vendor] = e.revision
	}
	for name := range acknowledged {
		if !named[name] {
			t.Errorf("no event of %s, which was answered", name)
		}
	}
}

// TestLogCrashes kills the log again and again while vendors are written: no write
// fails, health says so, and every event is there in the end.
func TestLogCrashes(t *testing.T) {
	t.Parallel()
	log := startNATS(t)
	data := t.TempDir()
	p := start(t, "dev", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", data, "--config",
		configFile(t, fmt.Sprintf("events: {url: %q}\n", log.url())))
	c := newClient(p.address(t, `REST on (http://\S+) `), token(t, data, "ada"), "127.0.0.2")
	ops := newClient(p.address(t, `health on (http://\S+) `), "", "127.0.0.2")
	acknowledged := map[string]bool{}
	create := func() {
		t.Helper()
		name := fmt.Sprint("v", len(acknowledged))
		if got := c.do(t, http.MethodPost, "/v2/vendors", `{"name":"`+name+`","email":"a@example.com"}`); got.status != http.StatusCreated {
			t.Fatalf("%d %s", got.status, got.body)
		}
		acknowledged[name] = true
	}
	for range 3 {
		for range 5 {
			create()
		}
		log.kill()
		for range 5 {
			create()
		}
		if !poll(t, time.Minute, 20*time.Millisecond, func() bool {
			return strings.Contains(ops.do(t, http.MethodGet, "/metrics", "").body, `venta_dependency_kind="events",venta_dependency_name="events"} 0`)
		}) {
			t.Error("health does not say that the log is away")
		}
		log.up()
	}
	checkEvents(t, eventsOf(t, log.url(), len(acknowledged)), acknowledged)
	if code := p.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if strings.Contains(p.stdout.String()+p.stderr.String(), log.testToken) {
		t.Error("the token is written")
	}
	if _, err := os.Stat(filepath.Join(data, "events")); err == nil {
		t.Error("there is a log in the data folder, too")
	}
}

// TestPurgeByEvent holds that a change that no gateway has seen purges: it is made in
// the database by another process.
func TestPurgeByEvent(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := start(t, "dev", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", data)
	c := newClient(p.address(t, `REST on (http://\S+) `), token(t, data, "ada"), "127.0.0.2")
	got := c.do(t, http.MethodPost, "/v2/vendors", `{"name":"before","email":"a@example.com"}`)
	var made struct{ ID string }
	if err := json.Unmarshal([]byte(got.body), &made); err != nil || made.ID == "" {
		t.Fatalf("%s: %v", got.body, err)
	}
	read := func() string { return c.do(t, http.MethodGet, "/v2/vendors/"+made.ID, "").body }
	if !strings.Contains(read(), "before") {
		t.Fatal(read())
	}
	aside, err := vendorstore.Open(t.Context(), filepath.Join(data, "venta.db"), vendorstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	name := "after"
	_, err = aside.UpdateVendor(t.Context(), "ada", made.ID, vendorstore.AnyRevision, vendorstore.Changes{Name: &name})
	if err := errors.Join(err, aside.Close()); err != nil {
		t.Fatal(err)
	}
	// Within the cache's 300 s; the limit of 10 reads a minute holds as well.
	if !poll(t, time.Minute, 2*time.Second, func() bool { return strings.Contains(read(), "after") }) {
		t.Error("the stored response is served on")
	}
	stdout, stderr, code := finished(t, nil, "events", "dead", "--data", data)
	if code != 0 || !strings.Contains(stdout, "no dead letters") {
		t.Errorf("%d %s %s", code, stdout, stderr)
	}
	if _, stderr, code := finished(t, nil, "events", "replay", "--data", data, "7"); code != 1 || !strings.Contains(stderr, "no dead letter 7") {
		t.Errorf("%d %s", code, stderr)
	}
	if code := p.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if _, err := os.Stat(filepath.Join(data, "events.url")); err == nil {
		t.Error("the log's address outlives it")
	}
}

// TestWrongLogs holds that faults are found before the start, without the secrets.
func TestWrongLogs(t *testing.T) {
	t.Parallel()
	const hidden = "hidden-in-the-url"
	for text, want := range map[string]string{
		"{url: 'nats://u:" + hidden + "@nats.example:4222'}":              "events.url: would send its password in plain text",
		"{url: 'http://" + hidden + "'}":                                  "events.url: must be",
		"{credentials_file: /nowhere}":                                    "events.credentials_file: needs events.url",
		"{stream: 'a.b'}":                                                 "events.stream: does not match",
		"{purges: [{subject: 'a..b', tags: [x]}]}":                        `events.purges: [0]: subject "a..b"`,
		"{purges: [{subject: a}]}":                                        "events.purges[0].tags: must",
		"{url: 'nats://127.0.0.1', purges: [{subject: a, tags: ['x{']}]}": "{ without }",
	} {
		_, stderr, code := finished(t, nil, "config", "check", "--dev-keys", configFile(t, "events: "+text+"\n"))
		if code != 1 || !strings.Contains(stderr, want) || strings.Contains(stderr, hidden) {
			t.Errorf("%s: %d, no %q in %s", text, code, want, stderr)
		}
	}
}
