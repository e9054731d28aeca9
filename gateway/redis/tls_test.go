package redis_test

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/redis"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

func TestTLS(t *testing.T) {
	server, trusting := redistest.StartTLS(t, "--requirepass", secret)
	opts := redis.Options{Addresses: []string{server.Addr}, TLS: trusting, Password: secret, Timeout: 3 * time.Second, DialTimeout: 10 * time.Second}
	if err := ask(t, redistest.Open(t, opts), "k"); err != nil {
		t.Error(err)
	}
	opts.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	if _, err := redis.Open(t.Context(), opts); err == nil || !strings.Contains(err.Error(), "refuses") || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("Open of a server that nobody vouches for = %v", err)
	}
	opts.TLS, opts.Password = trusting, "other"
	if _, err := redis.Open(t.Context(), opts); err == nil || !strings.Contains(err.Error(), "WRONGPASS") {
		t.Errorf("Open = %v", err)
	}
}
