package admin

import (
	"fmt"
	"io"
	"net/http"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"time"
)

// The profiles of net/http/pprof, without its registration on the mux that every
// package of a program shares.

const (
	profileTime = 30 * time.Second // by default
	traceTime   = time.Second      // by default
	longestTime = time.Minute
)

// lookups are the profiles that the runtime has at any time.
var lookups = []string{"allocs", "block", "goroutine", "heap", "mutex", "threadcreate"}

// debugPages are what operators see of a process from within, by path.
func debugPages() map[string]http.Handler {
	pages := map[string]http.Handler{
		"/debug/goroutines":    dump(),
		"/debug/pprof/profile": record(profileTime, pprof.StartCPUProfile, pprof.StopCPUProfile),
		"/debug/pprof/trace":   record(traceTime, trace.Start, trace.Stop),
	}
	for _, name := range lookups {
		pages["/debug/pprof/"+name] = lookup(name)
	}
	return pages
}

// dump writes the stack of each goroutine as text.
func dump() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_ = pprof.Lookup("goroutine").WriteTo(w, 2) // an operator that left is no fault
	})
}

// lookup writes a profile as pprof reads it, or as text with ?debug=1.
func lookup(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		form, err := number(r, "debug", 0, 2)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		if form > 0 {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		}
		_ = pprof.Lookup(name).WriteTo(w, form) // an operator that left is no fault
	})
}

// record writes what is recorded for ?seconds=. There is one recording of a kind at a
// time, and it ends with the request.
func record(usual time.Duration, start func(io.Writer) error, stop func()) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seconds, err := number(r, "seconds", int(usual.Seconds()), int(longestTime.Seconds()))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		if err := start(w); err != nil {
			http.Error(w, "another recording is under way; try again when it has ended", http.StatusConflict)
			return
		}
		defer stop()
		over := time.NewTimer(time.Duration(seconds) * time.Second)
		defer over.Stop()
		select {
		case <-over.C:
		case <-r.Context().Done():
		}
	})
}

// number reads a parameter from 0 to most.
func number(r *http.Request, name string, usual, most int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		return 0, fmt.Errorf("%s must be from 0 to %d", name, most)
	}
	return n, nil
}
