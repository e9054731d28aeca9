package redis_test

import (
	"strings"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/redis"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	redistest.StartReplica(t, master)
	sentinel := redistest.StartSentinel(t, master, "shop", "")
	redistest.Eventually(t, func() bool { return strings.Contains(sentinel.Do("SENTINEL", "CKQUORUM", "shop"), "OK") })
	opts := brisk(sentinel.Addr)
	opts.Sentinel = "shop"
	c := redistest.Open(t, opts)
	if err := ask(t, c, "k"); err != nil {
		t.Fatal(err)
	}
	// The sentinel learns of the replica from the master.
	redistest.Eventually(t, func() bool { return strings.Contains(sentinel.Do("INFO", "sentinel"), "slaves=1") })
	master.Kill()
	redistest.Eventually(t, func() bool { return ask(t, c, "k") == nil })
}

func TestSentinelCredentials(t *testing.T) {
	master := redistest.Start(t)
	sentinel := redistest.StartSentinel(t, master, "shop", secret)
	tests := []struct {
		name, master, password, want string
	}{
		{"right", "shop", secret, ""},
		{"wrong", "shop", secret + "x", "WRONGPASS"},
		{"none", "shop", "", "NOAUTH"},
		{"another name", "store", secret, "No such master"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := redis.Open(t.Context(), redis.Options{
				Addresses: []string{sentinel.Addr}, Sentinel: test.master, SentinelPassword: test.password, DialTimeout: 5 * time.Second,
			})
			if err == nil {
				c.Close()
			}
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("Open = %v, want %q", err, test.want)
			}
		})
	}
}
