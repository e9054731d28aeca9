package side

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

var sink []*[64]byte

func TestUsageGrows(t *testing.T) {
	server := httptest.NewServer(Handler())
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	before, err := Read(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	const allocated = 100_000
	sink = make([]*[64]byte, allocated)
	for i := range sink {
		sink[i] = new([64]byte)
	}
	after, err := Read(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	if n := after.Allocations - before.Allocations; n < allocated || n > 2*allocated {
		t.Errorf("%d allocations, want a little more than %d", n, allocated)
	}
	if after.CPU <= before.CPU {
		t.Errorf("CPU %s, then %s", before.CPU, after.CPU)
	}
	if after.PeakRSS < before.PeakRSS || after.PeakRSS < 64*allocated {
		t.Errorf("peak RSS %d, then %d", before.PeakRSS, after.PeakRSS)
	}
}

func TestProfile(t *testing.T) {
	server := httptest.NewServer(Handler())
	defer server.Close()
	profile, err := Profile(t.Context(), strings.TrimPrefix(server.URL, "http://"), time.Second)
	if err != nil || !bytes.HasPrefix(profile, []byte{0x1f, 0x8b}) { // gzip
		t.Errorf("error %v, %d bytes", err, len(profile))
	}
}

func TestReadFails(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"status":   func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "{}", http.StatusInternalServerError) },
		"not JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("x")) },
	} {
		server := httptest.NewServer(handler)
		if usage, err := Read(t.Context(), strings.TrimPrefix(server.URL, "http://")); err == nil {
			t.Errorf("%s: no error but %v", name, usage)
		}
		server.Close()
	}
}

func TestParsePeak(t *testing.T) {
	got, err := parsePeak([]byte("Name:\tx\nVmPeak:\t 9 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n"))
	if err != nil || got != 2<<20 {
		t.Errorf("%d, %v", got, err)
	}
	for _, status := range []string{"", "VmRSS:\t 1 kB\n", "VmHWM:\t many\n"} {
		if got, err := parsePeak([]byte(status)); err == nil {
			t.Errorf("%q is understood as %d", status, got)
		}
	}
}
