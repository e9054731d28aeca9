package redis_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/venta-hq/venta/gateway/redis"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

// failuresToGiveUp is what the package promises.
const failuresToGiveUp = 5

// settings that fail fast, for servers that are to fail.
func brisk(addresses ...string) redis.Options {
	return redis.Options{Addresses: addresses, Timeout: 100 * time.Millisecond, ProbeInterval: 10 * time.Millisecond}
}

func ask(t testing.TB, c *redis.Client, key string) error {
	_, err := redis.Do(t.Context(), c, key, set(key, "v"))
	if rueidis.IsRedisNil(err) {
		return nil
	}
	return err
}

// TestGuardStopsAskingASilentServer asserts by the guard's own accounts that
// few calls wait, and that none does once the server is given up.
func TestGuardStopsAskingASilentServer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	c := redistest.Open(t, brisk(server.Addr))
	server.Pause()
	for i := range 200 {
		if err := ask(t, c, "k"); !errors.Is(err, redis.ErrUnavailable) {
			t.Fatalf("call %d: %v", i, err)
		}
	}
	if s := c.Stats(); s.Calls != failuresToGiveUp || s.Timeouts != failuresToGiveUp || s.Rejected != 200-failuresToGiveUp || s.GivenUp != 1 {
		t.Errorf("stats = %+v", s)
	}
	server.Resume()
	redistest.Eventually(t, c.Available)
	redistest.Eventually(t, func() bool { return ask(t, c, "k") == nil })
}

func TestGuardUnderLoad(t *testing.T) {
	const workers = 64
	server := redistest.Start(t)
	c := redistest.Open(t, brisk(server.Addr))
	server.Pause()
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for range 100 {
				_ = ask(t, c, "k")
			}
		})
	}
	all.Wait()
	// Each worker may be on its way when the guard opens, and none once more.
	if s := c.Stats(); s.Calls > workers+failuresToGiveUp || s.Calls < failuresToGiveUp || s.InFlight > s.Calls {
		t.Errorf("stats = %+v", s)
	}
	server.Resume()
	redistest.Eventually(t, c.Available)
	redistest.Eventually(t, func() bool { return c.Stats().InFlight == 0 })
}

// TestGuardCountsLateRepliesAsFailures: a server that replies to everything, too late.
func TestGuardCountsLateRepliesAsFailures(t *testing.T) {
	server := redistest.Start(t, "--enable-debug-command", "yes")
	c := redistest.Open(t, redis.Options{Addresses: []string{server.Addr}, Timeout: 5 * time.Millisecond, ProbeInterval: time.Minute})
	late := func(ctx context.Context, r rueidis.Client) (string, error) {
		return "", r.Do(ctx, r.B().Arbitrary("DEBUG", "SLEEP", "0.02").Build()).Error()
	}
	for range 3 * failuresToGiveUp {
		_, _ = redis.Do(t.Context(), c, "k", late)
		redistest.Eventually(t, func() bool { return c.Stats().InFlight == 0 })
	}
	if s := c.Stats(); s.GivenUp != 1 || s.Calls != failuresToGiveUp {
		t.Errorf("stats = %+v", s)
	}
}

func TestGuardBoundsWhatIsInFlight(t *testing.T) {
	const most, calls = 3, 200
	opts := brisk(redistest.Start(t).Addr)
	opts.MaxInFlight, opts.Timeout = most, 10*time.Second
	c := redistest.Open(t, opts)
	var now, peak atomic.Int64
	counted := func(ctx context.Context, r rueidis.Client) (string, error) {
		if n := now.Add(1); n > peak.Load() {
			peak.Store(n)
		}
		defer now.Add(-1)
		return set("k", "v")(ctx, r)
	}
	var all sync.WaitGroup
	for range calls {
		all.Go(func() {
			if _, err := redis.Do(t.Context(), c, "k", counted); errors.Is(err, redis.ErrUnavailable) {
				t.Errorf("err = %v: it had to wait for a place", err)
			}
		})
	}
	all.Wait()
	if got := peak.Load(); got > most {
		t.Errorf("%d in flight, want at most %d", got, most)
	}
}

// TestGuardWithoutAPlace: a call that finds none waits no longer than others.
func TestGuardWithoutAPlace(t *testing.T) {
	server := redistest.Start(t)
	opts := brisk(server.Addr)
	opts.MaxInFlight = 1
	c := redistest.Open(t, opts)
	server.Pause()
	for range 3 {
		if err := ask(t, c, "k"); !errors.Is(err, redis.ErrUnavailable) {
			t.Errorf("err = %v", err)
		}
	}
	if s := c.Stats(); s.Calls != 1 || s.Timeouts != 3 || s.InFlight != 1 {
		t.Errorf("stats = %+v", s)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("gone")
	cancel(why)
	if _, err := redis.Do(ctx, c, "k", set("k", "v")); errors.Is(err, redis.ErrUnavailable) {
		t.Errorf("err = %v", err)
	}
	server.Resume()
}

// TestGuardAfterALongSilence: connections to a silent server are given up, which
// frees what is in flight, and new ones are made once it speaks again.
func TestGuardAfterALongSilence(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	opts := brisk(server.Addr)
	opts.DialTimeout = 200 * time.Millisecond
	c := redistest.Open(t, opts)
	server.Pause()
	for c.Available() {
		_ = ask(t, c, "k")
	}
	if got := c.Stats().InFlight; got == 0 {
		t.Error("nothing is in flight to a silent server")
	}
	redistest.Eventually(t, func() bool { return c.Stats().InFlight == 0 })
	if c.Available() {
		t.Error("a silent server is available")
	}
	server.Resume()
	redistest.Eventually(t, func() bool { return c.Available() && ask(t, c, "k") == nil })
}

func TestGuardOfAServerThatCannotServe(t *testing.T) {
	server := redistest.Start(t)
	c := redistest.Open(t, brisk(server.Addr))
	server.Do("REPLICAOF", "127.0.0.1", "1")
	for range 100 {
		if err := ask(t, c, "k"); !errors.Is(err, redis.ErrUnavailable) {
			t.Fatalf("err = %v", err)
		}
	}
	if s := c.Stats(); s.Calls != failuresToGiveUp || s.GivenUp != 1 {
		t.Errorf("stats = %+v", s)
	}
	server.Do("REPLICAOF", "NO", "ONE")
	redistest.Eventually(t, c.Available)
}

func TestGuardAfterARestart(t *testing.T) {
	server := redistest.Start(t)
	c := redistest.Open(t, brisk(server.Addr))
	server.Kill()
	for range 20 {
		if err := ask(t, c, "k"); !errors.Is(err, redis.ErrUnavailable) {
			t.Fatalf("err = %v", err)
		}
	}
	if s := c.Stats(); s.GivenUp != 1 || s.Calls != failuresToGiveUp {
		t.Errorf("stats = %+v", s)
	}
	server.Restart()
	redistest.Eventually(t, func() bool { return ask(t, c, "k") == nil })
}

func TestChangesComeInOrder(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	opts := brisk(server.Addr)
	changes := make(chan redis.Change, 100)
	opts.OnChange = func(change redis.Change) { changes <- change }
	c := redistest.Open(t, opts)
	for range 3 {
		server.Pause()
		for c.Available() {
			_ = ask(t, c, "k")
		}
		if change := <-changes; change.Available || change.Err == nil || change.Node != "" {
			t.Errorf("change = %+v", change)
		}
		server.Resume()
		if change := <-changes; !change.Available {
			t.Errorf("change = %+v", change)
		}
	}
}

func TestClusterKeepsTheRestGoing(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3, 0)
	opts := brisk(cluster.Addresses()...)
	opts.Cluster, opts.Timeout = true, 3*time.Second // a killed node fails at once
	changes := make(chan redis.Change, 100)
	opts.OnChange = func(change redis.Change) { changes <- change }
	c := redistest.Open(t, opts)
	keys := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
	dead := cluster.Master(redis.Slot("a"))
	dead.Kill()
	for range 100 {
		for _, key := range keys {
			err := ask(t, c, key)
			if gone := cluster.Master(redis.Slot(key)) == dead; gone != errors.Is(err, redis.ErrUnavailable) || !gone && err != nil {
				t.Fatalf("%s: %v", key, err)
			}
		}
	}
	if change := <-changes; change.Available || change.Node != dead.Addr {
		t.Errorf("change = %+v, want %s given up", change, dead.Addr)
	}
	if s := c.Stats(); s.GivenUp != 1 || s.Failures != failuresToGiveUp || !c.Available() {
		t.Errorf("stats = %+v", s)
	}
}

// TestClusterWithASilentNode: waiting for one node delays no other's replies.
func TestClusterWithASilentNode(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3, 0)
	opts := brisk(cluster.Addresses()...)
	opts.Cluster, opts.Timeout = true, time.Second
	c := redistest.Open(t, opts)
	silent := cluster.Master(redis.Slot("a"))
	silent.Pause()
	for c.Stats().GivenUp == 0 {
		_ = ask(t, c, "a")
	}
	for range 100 {
		for _, key := range []string{"b", "c", "d", "e", "f", "g"} {
			if err := ask(t, c, key); err != nil && cluster.Master(redis.Slot(key)) != silent {
				t.Fatalf("%s: %v", key, err)
			}
		}
	}
	if s := c.Stats(); s.Failures != failuresToGiveUp || s.GivenUp != 1 {
		t.Errorf("stats = %+v", s)
	}
	silent.Resume()
	redistest.Eventually(t, func() bool { return ask(t, c, "a") == nil })
}

func TestClusterFailover(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3, 1)
	opts := brisk(cluster.Addresses()...)
	opts.Cluster = true
	c := redistest.Open(t, opts)
	if err := ask(t, c, "a"); err != nil {
		t.Fatal(err)
	}
	cluster.Master(redis.Slot("a")).Kill()
	redistest.Eventually(t, func() bool { return ask(t, c, "a") == nil })
}

func TestSlot(t *testing.T) {
	for key, want := range map[string]uint16{
		"123456789": 0x31c3, "": 0, "foo": 12182, "{foo}": 12182, "a{foo}b{bar}": 12182, "{}foo": redis.Slot("{}foo"), "foo{": redis.Slot("foo{"),
	} {
		if got := redis.Slot(key); got != want {
			t.Errorf("Slot(%q) = %d, want %d", key, got, want)
		}
	}
}

func TestSlotAsTheServerSaysIt(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 1, 0).Open(t)
	for _, key := range []string{"", "{}", "{}x", "x{", "x}{y}", "{{x}}", "{x}{y}", "\x00\xff", "venta:rl:{k}:a"} {
		want, err := redis.Do(t.Context(), c, "", func(ctx context.Context, r rueidis.Client) (int64, error) {
			return r.Do(ctx, r.B().ClusterKeyslot().Key(key).Build()).AsInt64()
		})
		if err != nil || int64(redis.Slot(key)) != want {
			t.Errorf("Slot(%q) = %d, want %d %v", key, redis.Slot(key), want, err)
		}
	}
}
