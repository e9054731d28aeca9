package telemetry

import (
	"testing"
	"unsafe"
)

// TestRecordIsSmall bounds what each request carries, and what one of many attempts and
// events can make of it.
func TestRecordIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(record{}); size > 400 {
		t.Errorf("%d bytes a request", size)
	}
	if most := maxAttempts*unsafe.Sizeof(attemptRecord{}) + maxEvents*unsafe.Sizeof(event{}); most > 4<<10 {
		t.Errorf("%d bytes more of a request that has all that is kept", most)
	}
	t.Logf("%d bytes, a request %d, an event %d, an attempt %d", unsafe.Sizeof(record{}), unsafe.Sizeof(Request{}), unsafe.Sizeof(event{}), unsafe.Sizeof(attemptRecord{}))
}
