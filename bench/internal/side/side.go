// Package side is the second port of a process under load: what the process has
// used so far, and its profiles.
package side

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime/metrics"
	"syscall"
	"time"
)

// Usage is what a process has used since it began.
type Usage struct {
	CPU         time.Duration // user and system, all threads
	Allocations uint64        // objects on the heap
	PeakRSS     uint64        // bytes
}

// Handler serves the process's usage at /usage and net/http/pprof.
func Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /usage", serveUsage)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

func serveUsage(w http.ResponseWriter, _ *http.Request) {
	usage, err := current()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(usage) // the reader sees a cut response
}

func current() (Usage, error) {
	var spent syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &spent); err != nil {
		return Usage{}, err
	}
	rss, err := peakRSS()
	return Usage{
		CPU:         time.Duration(spent.Utime.Nano() + spent.Stime.Nano()),
		Allocations: allocations(),
		PeakRSS:     rss,
	}, err
}

// allocations counts as `go test -benchmem` does: tiny ones are objects too.
func allocations() uint64 {
	samples := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/heap/tiny/allocs:objects"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() + samples[1].Value.Uint64()
}

// peakRSS reads proc(5), as getrusage's ru_maxrss begins with the peak of the
// process that started this one.
func peakRSS() (uint64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	return parsePeak(status)
}

func parsePeak(status []byte) (uint64, error) {
	_, rest, ok := bytes.Cut(status, []byte("VmHWM:"))
	var kilobytes uint64
	if _, err := fmt.Sscanf(string(rest), "%d kB", &kilobytes); !ok || err != nil {
		return 0, fmt.Errorf("no VmHWM in the process's status: %w", err)
	}
	return kilobytes << 10, nil
}

// Read returns the usage of the process whose second port has the address.
func Read(ctx context.Context, address string) (Usage, error) {
	body, err := get(ctx, "http://"+address+"/usage")
	if err != nil {
		return Usage{}, err
	}
	var usage Usage
	if err := json.Unmarshal(body, &usage); err != nil {
		return Usage{}, fmt.Errorf("usage of the process at %s: %w", address, err)
	}
	return usage, nil
}

// Profile returns a CPU profile of the process over the duration, in whole
// seconds.
func Profile(ctx context.Context, address string, over time.Duration) ([]byte, error) {
	return get(ctx, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", address, int(over.Seconds())))
}
