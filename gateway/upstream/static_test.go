package upstream

import (
	"strings"
	"testing"
	"testing/synctest"
)

func TestStaticTargetSpreadsCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a:1", "b:1")
		conn := c.dialTarget("static:///a:1,b:1", Options{})
		even(conn)
		spread(t, conn, 1)
		synctest.Wait() // both addresses are connected
		if got := spread(t, conn, 10); got["a:1"] < 4 || got["b:1"] < 4 || len(got) != 2 {
			t.Errorf("calls went to %v", got)
		}
	})
}

func TestStaticTargetRefuses(t *testing.T) {
	for list, want := range map[string]string{
		"":           `"" is not host:port`,
		"a:1,":       `"" is not host:port`,
		"a":          `"a" is not host:port`,
		":1":         `":1" is not host:port`,
		"a:1,b:,c:1": `"b:" is not host:port`,
		"a:1,a:1":    "a:1 is listed twice",
	} {
		if _, err := staticEndpoints(list); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", list, err, want)
		}
	}
}
