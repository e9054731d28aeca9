package process

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/venta-hq/venta/gateway/config"
)

// TestLeavesIdle holds that checks keep no connection whose end is written.
func TestLeavesIdle(t *testing.T) {
	for text, want := range map[string]bool{
		"health: {leave_idle: true}":                                  true,
		"upstreams: {orders: {connection: {idle_timeout: 5m}}}":       true,
		"upstreams: {orders: {connection: {never_idle: true}}}":       false,
		"health: {leave_idle: false}":                                 false,
		"upstreams: {orders: {target: 'dns:///orders.internal:443'}}": false,
	} {
		file := filepath.Join(t.TempDir(), "shop.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		loaded, err := config.Load(config.Options{File: file, Upstreams: map[string]string{"orders": "127.0.0.1:9001"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := (&process{loaded: loaded}).leavesIdle("orders"); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
