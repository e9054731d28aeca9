package redis_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/venta-hq/venta/gateway/redis"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

func TestMain(m *testing.M) { redistest.VerifyTestMain(m) }

func set(key, value string) func(context.Context, rueidis.Client) (string, error) {
	return func(ctx context.Context, r rueidis.Client) (string, error) {
		return r.Do(ctx, r.B().Set().Key(key).Value(value).Get().Build()).ToString()
	}
}

func TestDo(t *testing.T) {
	c := redistest.Start(t).Open(t)
	if _, err := redis.Do(t.Context(), c, "k", set("k", "v")); !rueidis.IsRedisNil(err) || errors.Is(err, redis.ErrUnavailable) {
		t.Fatalf("the first: %v, want nil as the server says it", err)
	}
	got, err := redis.Do(t.Context(), c, "k", set("k", "w"))
	if got != "v" || err != nil {
		t.Fatalf("the second = %q, %v", got, err)
	}
	if !c.Available() || c.Cluster() || c.Conn() == nil || c.Prefix() != "venta:" {
		t.Errorf("available %v, prefix %q", c.Available(), c.Prefix())
	}
}

func TestDoReturnsRepliesAsTheyAre(t *testing.T) {
	server := redistest.Start(t)
	server.Do("LPUSH", "list", "x")
	c := server.Open(t)
	for range 20 {
		_, err := redis.Do(t.Context(), c, "list", set("list", "v"))
		if err == nil || !strings.HasPrefix(err.Error(), "WRONGTYPE") || errors.Is(err, redis.ErrUnavailable) {
			t.Fatalf("err = %v", err)
		}
	}
	if s := c.Stats(); s.Failures != 0 || s.GivenUp != 0 || s.Calls != 20 {
		t.Errorf("stats = %+v: replies are no failures", s)
	}
}

func TestDoAfterTheCallersEnd(t *testing.T) {
	server := redistest.Start(t)
	c := server.Open(t)
	over, cancel := context.WithCancelCause(t.Context())
	why := errors.New("gone")
	cancel(why)
	if _, err := redis.Do(over, c, "k", set("k", "v")); !errors.Is(err, context.Canceled) || c.Stats().Calls != 0 {
		t.Errorf("ended before: %v", err)
	}
	server.Pause()
	later, cancelLater := context.WithCancelCause(t.Context())
	sent := make(chan struct{})
	go func() { <-sent; cancelLater(why) }()
	_, err := redis.Do(later, c, "k", func(ctx context.Context, r rueidis.Client) (string, error) {
		close(sent)
		return set("k", "v")(ctx, r)
	})
	if !errors.Is(err, why) || errors.Is(err, redis.ErrUnavailable) || c.Stats().Failures != 0 {
		t.Errorf("ended meanwhile: %v", err)
	}
	server.Resume()
}

func TestConnectionsAreCounted(t *testing.T) {
	c := redistest.Start(t).Open(t)
	if _, _ = redis.Do(t.Context(), c, "k", set("k", "v")); c.Stats().Connections < 1 {
		t.Errorf("%+v", c.Stats())
	}
	c.Close()
	redistest.Eventually(t, func() bool { return c.Stats().Connections == 0 })
}

func TestDoPassesPanicsOn(t *testing.T) {
	c := redistest.Start(t).Open(t)
	defer func() {
		if got := recover(); got != "boom" {
			t.Errorf("recovered %v", got)
		}
		redistest.Eventually(t, func() bool { return c.Stats().InFlight == 0 })
	}()
	_, _ = redis.Do(t.Context(), c, "k", func(context.Context, rueidis.Client) (string, error) { panic("boom") })
}

func TestDoOfAGoroutineThatEnds(t *testing.T) {
	c := redistest.Start(t).Open(t)
	_, err := redis.Do(t.Context(), c, "k", func(context.Context, rueidis.Client) (string, error) {
		runtime.Goexit()
		return "", nil
	})
	if err == nil || c.Stats().InFlight != 0 {
		t.Errorf("err = %v, %+v", err, c.Stats())
	}
}

func TestCloseEndsCalls(t *testing.T) {
	c := redistest.Start(t).Open(t)
	c.Close()
	c.Close()
	_, err := redis.Do(t.Context(), c, "k", set("k", "v"))
	if !errors.Is(err, redis.ErrUnavailable) || !errors.Is(err, redis.ErrClosed) {
		t.Errorf("err = %v", err)
	}
}

func TestCloseWhileSilent(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	c := redistest.Open(t, redis.Options{Addresses: []string{server.Addr}})
	server.Pause()
	var calls sync.WaitGroup
	for range 50 {
		calls.Go(func() { _, _ = redis.Do(t.Context(), c, "k", set("k", "v")) })
	}
	calls.Wait()
	c.Close() // goleak sees what it leaves
	if got := c.Stats().InFlight; got != 0 {
		t.Errorf("%d calls still in flight", got)
	}
}

const secret = "s3cret-pa55"

func TestOpenWithWrongCredentials(t *testing.T) {
	protected := redistest.Start(t, "--requirepass", secret)
	open := redistest.Start(t)
	tests := []struct {
		name string
		opts redis.Options
		want string
	}{
		{"wrong", redis.Options{Addresses: []string{protected.Addr}, Password: secret + "x"}, "WRONGPASS"},
		{"none", redis.Options{Addresses: []string{protected.Addr}}, "NOAUTH"},
		{"unknown user", redis.Options{Addresses: []string{open.Addr}, Username: "u", Password: secret}, "WRONGPASS"},
		{"no such database", redis.Options{Addresses: []string{open.Addr}, DB: 99}, "DB index"},
		{"no cluster", redis.Options{Addresses: []string{open.Addr}, Cluster: true}, "cluster"},
		{"no sentinel", redis.Options{Addresses: []string{open.Addr}, Sentinel: "m"}, "SENTINEL"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := redis.Open(t.Context(), test.opts)
			if c != nil || err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "refuses") {
				t.Errorf("Open = %v, want %q in it", err, test.want)
			}
			if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "\n")) {
				t.Errorf("not one line without the password: %v", err)
			}
		})
	}
}

func TestOpenWithoutPermission(t *testing.T) {
	server := redistest.Start(t)
	server.Do("ACL", "SETUSER", "reader", "on", ">"+secret, "~other:*", "+@all")
	_, err := redis.Open(t.Context(), redis.Options{Addresses: []string{server.Addr}, Username: "reader", Password: secret})
	if err == nil || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("Open = %v", err)
	}
}

func TestOpenWithoutAServer(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	for _, mode := range []redis.Options{{}, {Cluster: true}, {Sentinel: "m"}} {
		mode.Addresses = []string{server.Addr}
		mode.Required = true
		if _, err := redis.Open(t.Context(), mode); err == nil || !strings.Contains(err.Error(), "out of reach") {
			t.Errorf("Open of %v = %v", mode, err)
		}
	}
}

func TestOpenFindsTheServerLater(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	changes := make(chan redis.Change, 10)
	c := redistest.Open(t, redis.Options{
		Addresses: []string{server.Addr}, Timeout: 3 * time.Second, ProbeInterval: 10 * time.Millisecond,
		OnChange: func(change redis.Change) { changes <- change },
	})
	if c.Available() || c.Conn() != nil {
		t.Error("available without a server")
	}
	if _, err := redis.Do(t.Context(), c, "k", set("k", "v")); !errors.Is(err, redis.ErrUnavailable) {
		t.Errorf("err = %v", err)
	}
	server.Restart()
	if first := <-changes; first.Available || first.Err == nil {
		t.Errorf("the first change = %+v", first)
	}
	if second := <-changes; !second.Available || second.Err != nil {
		t.Errorf("the second change = %+v", second)
	}
	if _, err := redis.Do(t.Context(), c, "k", set("k", "v")); errors.Is(err, redis.ErrUnavailable) {
		t.Errorf("err = %v", err)
	}
}

// TestOpenFindsAServerThatRefuses: who waits for a server has to learn that it
// is there and will never do.
func TestOpenFindsAServerThatRefuses(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	changes := make(chan redis.Change, 10)
	redistest.Open(t, redis.Options{
		Addresses: []string{server.Addr}, ProbeInterval: 10 * time.Millisecond,
		OnChange: func(change redis.Change) { changes <- change },
	})
	server.Restart("--requirepass", secret)
	if first := <-changes; first.Available || strings.Contains(first.Err.Error(), "NOAUTH") {
		t.Errorf("the first change = %+v", first)
	}
	if second := <-changes; second.Available || !strings.Contains(second.Err.Error(), "NOAUTH") {
		t.Errorf("the second change = %+v", second)
	}
}

// silentServer accepts connections and never replies.
func silentServer(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener.Addr().String()
}

func TestOpenStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("stopping")
	cancel(why)
	_, err := redis.Open(ctx, redis.Options{Addresses: []string{silentServer(t)}, DialTimeout: 100 * time.Millisecond})
	if !errors.Is(err, why) {
		t.Errorf("Open = %v", err)
	}
}

func TestOpenAtASilentServer(t *testing.T) {
	opts := redis.Options{Addresses: []string{silentServer(t)}, DialTimeout: 50 * time.Millisecond, ProbeInterval: time.Millisecond}
	c := redistest.Open(t, opts)
	if _, err := redis.Do(t.Context(), c, "k", set("k", "v")); !errors.Is(err, redis.ErrUnavailable) || c.Stats().Calls != 0 {
		t.Errorf("err = %v, %+v", err, c.Stats())
	}
}

func TestOptionsTellEveryFault(t *testing.T) {
	_, err := redis.Open(t.Context(), redis.Options{
		Addresses: []string{"nohost", "b:1"}, Username: "u", SentinelUsername: "s", DB: -1, KeyPrefix: "a{b",
		Timeout: time.Microsecond, DialTimeout: time.Hour, ProbeInterval: -1, MaxInFlight: -1, Connections: 3,
	})
	for _, want := range []string{
		`address "nohost"`, "2 addresses without", "a user name without", "a sentinel user name", "db is -1", `prefix "a{b"`,
		"timeout is 1µs", "dial timeout is 1h", "probe interval is -1ns", "in flight is -1", "3 connections",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open = %v, want %q in it", err, want)
		}
	}
	exclusive := redis.Options{Addresses: []string{"a:1"}, Cluster: true, Sentinel: "m"}
	if _, err := redis.Open(t.Context(), exclusive); err == nil || !strings.Contains(err.Error(), "exclude") {
		t.Errorf("Open = %v", err)
	}
}

func TestOptionsHideTheirPasswords(t *testing.T) {
	opts := redis.Options{Addresses: []string{"a:1"}, Password: secret, SentinelPassword: secret}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "redis", opts)
	for _, text := range []string{fmt.Sprint(opts), fmt.Sprintf("%+v %#v %v", opts, opts, &opts), log.String()} {
		if strings.Contains(text, secret) || !strings.Contains(text, "a:1") {
			t.Errorf("printed as %s", text)
		}
	}
}
