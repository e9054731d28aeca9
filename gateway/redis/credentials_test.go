package redis_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/redis"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

const rotated = "r0tated-pa55"

// setPassword gives the user "app" all rights and one password. Connections
// that exist stay, as they do in Redis.
func setPassword(server *redistest.Server, password string) {
	server.Do("ACL", "SETUSER", "app", "on", "resetpass", ">"+password, "~*", "&*", "+@all")
}

// disconnect ends the connections of the user "app".
func disconnect(server *redistest.Server) { server.Do("CLIENT", "KILL", "USER", "app") }

// tellInto returns brisk options of the user "app" whose changes go to a channel.
func tellInto(changes chan<- redis.Change, addresses ...string) redis.Options {
	opts := brisk(addresses...)
	opts.Timeout, opts.DialTimeout, opts.Connections = 3*time.Second, 5*time.Second, 1
	opts.Username, opts.Password = "app", secret
	opts.OnChange = func(change redis.Change) { changes <- change }
	return opts
}

func awaitHealthy(t *testing.T, c *redis.Client, key string) {
	t.Helper()
	redistest.Eventually(t, func() bool { return ask(t, c, key) == nil })
}

// TestSetCredentialsUnderCalls rotates as one should: the server takes both
// passwords until the client has the new one. No connection is ever refused.
func TestSetCredentialsUnderCalls(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	setPassword(server, secret)
	changes := make(chan redis.Change, 100)
	c := redistest.Open(t, tellInto(changes, server.Addr))
	stop := make(chan struct{})
	var calls sync.WaitGroup
	for i := range 4 {
		calls.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = ask(t, c, fmt.Sprint("k", i)) // connections are killed below
				}
			}
		})
	}
	for i := range 5 {
		password := fmt.Sprint(rotated, i)
		server.Do("ACL", "SETUSER", "app", ">"+password) // beside the old one
		if err := c.SetCredentials(redis.Credentials{Username: "app", Password: password}); err != nil {
			t.Fatal(err)
		}
		setPassword(server, password)
		disconnect(server)
		awaitHealthy(t, c, "k")
	}
	close(stop)
	calls.Wait()
	c.Close()
	close(changes)
	for change := range changes {
		if change.Err != nil && strings.Contains(change.Err.Error(), "WRONGPASS") {
			t.Errorf("the server was asked with a password of earlier: %v", change.Err)
		}
	}
}

// TestSetCredentialsAfterARefusal rotates at the server first: the connection
// that is there stays, the next one is refused, which is told, and the right
// password heals it, after a wrong one, too.
func TestSetCredentialsAfterARefusal(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	setPassword(server, secret)
	changes := make(chan redis.Change, 100)
	c := redistest.Open(t, tellInto(changes, server.Addr))
	setPassword(server, rotated)
	if err := ask(t, c, "k"); err != nil {
		t.Fatalf("the connection that was there: %v", err)
	}
	disconnect(server)
	redistest.Eventually(t, func() bool { return ask(t, c, "k") != nil && !c.Available() })
	awaitRefusal(t, changes)
	if err := c.SetCredentials(redis.Credentials{Username: "app", Password: "another"}); err != nil {
		t.Fatal(err)
	}
	awaitRefusal(t, changes)
	if err := c.SetCredentials(redis.Credentials{Username: "app", Password: rotated}); err != nil {
		t.Fatal(err)
	}
	redistest.Eventually(t, c.Available)
	if err := ask(t, c, "k"); err != nil {
		t.Error(err)
	}
	for last := (redis.Change{}); !last.Available; last = <-changes {
	}
}

// awaitRefusal returns once a refused password was told.
func awaitRefusal(t *testing.T, changes <-chan redis.Change) {
	t.Helper()
	timeout := time.NewTimer(30 * time.Second)
	defer timeout.Stop()
	for {
		select {
		case change := <-changes:
			if !change.Available && strings.Contains(change.Err.Error(), "WRONGPASS") {
				return
			}
		case <-timeout.C:
			t.Fatal("nobody was told of the refused password")
		}
	}
}

// TestRefusalIsToldOnce: a probe every few milliseconds must not tell as often.
func TestRefusalIsToldOnce(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	setPassword(server, secret)
	changes := make(chan redis.Change, 100)
	c := redistest.Open(t, tellInto(changes, server.Addr))
	setPassword(server, rotated)
	disconnect(server)
	redistest.Eventually(t, func() bool { return ask(t, c, "k") != nil && !c.Available() })
	awaitRefusal(t, changes)
	probes := c.Stats().Probes
	redistest.Eventually(t, func() bool { return c.Stats().Probes > probes+5 })
	if len(changes) != 0 {
		t.Errorf("told again: %+v", <-changes)
	}
}

func TestSetCredentialsOfRequirepass(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--requirepass", secret)
	opts := brisk(server.Addr)
	opts.Timeout, opts.Password = 3*time.Second, secret
	c := redistest.Open(t, opts)
	own := c.Conn()
	command := own.B().Arbitrary("CONFIG", "SET", "requirepass", rotated).Build()
	if err := own.Do(t.Context(), command).Error(); err != nil {
		t.Fatal(err)
	}
	if err := c.SetCredentials(redis.Credentials{Password: rotated}); err != nil {
		t.Fatal(err)
	}
	_ = own.Do(t.Context(), own.B().Arbitrary("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no").Build()).Error() // kills its own connection
	awaitHealthy(t, c, "k")
}

func TestSetCredentialsBeforeTheServerIsThere(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Kill()
	opts := brisk(server.Addr)
	opts.Timeout, opts.Password = 3*time.Second, secret
	c := redistest.Open(t, opts)
	if err := c.SetCredentials(redis.Credentials{Password: rotated}); err != nil {
		t.Fatal(err)
	}
	server.Restart("--requirepass", rotated)
	awaitHealthy(t, c, "k")
}

func TestSetCredentialsOfACluster(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 2, 0)
	for _, node := range cluster.Masters {
		setPassword(node, secret)
	}
	changes := make(chan redis.Change, 1000)
	opts := tellInto(changes, cluster.Addresses()...)
	opts.Cluster = true
	c := redistest.Open(t, opts)
	for _, node := range cluster.Masters {
		setPassword(node, rotated)
		disconnect(node)
	}
	redistest.Eventually(t, func() bool { return ask(t, c, "a") != nil && ask(t, c, "b") != nil && !c.Available() })
	awaitRefusal(t, changes)
	if err := c.SetCredentials(redis.Credentials{Username: "app", Password: rotated}); err != nil {
		t.Fatal(err)
	}
	awaitHealthy(t, c, "a")
	awaitHealthy(t, c, "b")
}

// TestSetCredentialsOfSentinels: the sentinels and the servers have passwords of
// their own, and each goes to its own.
func TestSetCredentialsOfSentinels(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	replica := redistest.StartReplica(t, master)
	sentinel := redistest.StartSentinel(t, master, "shop", "")
	for _, server := range []*redistest.Server{master, replica} {
		setPassword(server, secret)
	}
	setPassword(sentinel, secret+"-sentinel")
	redistest.Eventually(t, func() bool { return strings.Contains(sentinel.Do("SENTINEL", "CKQUORUM", "shop"), "OK") })
	changes := make(chan redis.Change, 1000)
	opts := tellInto(changes, sentinel.Addr)
	opts.Sentinel, opts.SentinelUsername, opts.SentinelPassword = "shop", "app", secret+"-sentinel"
	c := redistest.Open(t, opts)

	for _, server := range []*redistest.Server{master, replica} {
		setPassword(server, rotated)
	}
	setPassword(sentinel, rotated+"-sentinel")
	err := c.SetCredentials(redis.Credentials{
		Username: "app", Password: rotated, SentinelUsername: "app", SentinelPassword: rotated + "-sentinel",
	})
	if err != nil {
		t.Fatal(err)
	}
	disconnect(sentinel)
	disconnect(master)
	awaitHealthy(t, c, "k")
	redistest.Eventually(t, func() bool { return strings.Contains(sentinel.Do("INFO", "sentinel"), "slaves=1") })
	disconnect(sentinel)
	master.Kill() // the new master must be learnt from the sentinel
	awaitHealthy(t, c, "k")
}

func TestSetCredentialsTellsEveryFault(t *testing.T) {
	c := redistest.Start(t).Open(t)
	err := c.SetCredentials(redis.Credentials{Username: "u", SentinelUsername: "s", SentinelPassword: ""})
	for _, want := range []string{"a user name without", "a sentinel user name without"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("SetCredentials = %v, want %q in it", err, want)
		}
	}
	if err := c.SetCredentials(redis.Credentials{SentinelPassword: secret}); err == nil {
		t.Error("a sentinel password without a sentinel is taken")
	}
	if err := ask(t, c, "k"); errors.Is(err, redis.ErrUnavailable) {
		t.Errorf("faulty credentials changed something: %v", err)
	}
}

func TestCredentialsHideTheirPasswords(t *testing.T) {
	credentials := redis.Credentials{Username: "app", Password: secret, SentinelPassword: secret}
	text := fmt.Sprintf("%v %+v %#v %s", credentials, &credentials, credentials, credentials.LogValue())
	if strings.Contains(text, secret) || !strings.Contains(text, "app") {
		t.Errorf("printed as %s", text)
	}
}
