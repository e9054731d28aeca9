package listener_test

import (
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/venta-hq/venta/gateway/listener"
)

// A client of HTTP/2 that opens its windows and reads nothing loses its connection,
// also where it takes its request back while something is written for it, and keeps
// on giving signs of life.
func TestAnUnreadConnectionOfHTTP2Ends(t *testing.T) {
	t.Parallel()
	for name, resets := range map[string]bool{"the stream is kept": false, "the stream is reset": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			guard, address := serve(t, listener.Options{StallTimeout: time.Second, MinRate: 1 << 20}, true, large)
			_, framer := http2Client(t, address)
			if err := framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30}); err != nil {
				t.Fatal(err)
			}
			if err := framer.WriteWindowUpdate(0, 1<<30); err != nil {
				t.Fatal(err)
			}
			request(t, framer, 1, true)
			eventually(t, "the response waits", func() bool { return guard.Stats().UnsentBytes > 0 })
			// What is written stands still once the kernel has no more room.
			<-time.After(500 * time.Millisecond)
			if resets {
				if err := framer.WriteRSTStream(1, http2.ErrCodeCancel); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, "the connection ends", func() bool {
				_ = framer.WritePriority(1, http2.PriorityParam{Weight: 1})
				return guard.Stats().Connections == 0
			})
		})
	}
}
