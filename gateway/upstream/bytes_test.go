package upstream

import "testing"

// TestBytesAreCounted holds that what goes over an upstream's connections is counted,
// whoever dials them.
func TestBytesAreCounted(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t, "a")
	conn := cluster.dial(Options{})
	if view := conn.View(); view.SentBytes != 0 || view.ReceivedBytes != 0 {
		t.Errorf("before the first call: %+v", view)
	}
	if _, err := call(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	before := conn.View()
	for range 10 {
		if _, err := call(t.Context(), conn); err != nil {
			t.Fatal(err)
		}
	}
	if after := conn.View(); before.SentBytes == 0 || after.SentBytes <= before.SentBytes || after.ReceivedBytes <= before.ReceivedBytes {
		t.Errorf("%d and %d bytes, then %d and %d", before.SentBytes, before.ReceivedBytes, after.SentBytes, after.ReceivedBytes)
	}
}
