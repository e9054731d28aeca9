package main_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

var jaegerProgram = flag.String("jaeger", "", "a program of Jaeger to store traces in; without one a receiver stands in for it")

// store is where the stack's collector sends traces.
type store interface {
	otlp() string
	// traces returns the ids of those with a span of the gateway.
	traces(t *testing.T) map[string]bool
}

func startStore(t *testing.T) store {
	t.Helper()
	if *jaegerProgram == "" {
		return startReceiver(t)
	}
	return startJaeger(t)
}

func (r *receiver) otlp() string { return r.address }

func (r *receiver) traces(*testing.T) map[string]bool {
	ids := map[string]bool{}
	for _, span := range r.all() {
		ids[span.trace()] = ids[span.trace()] || span.service == "venta"
	}
	return ids
}

// jaeger is a real one with the configuration of the stack.
type jaeger struct{ address, query string }

func startJaeger(t *testing.T) *jaeger {
	t.Helper()
	j := &jaeger{address: freeAddress(t), query: freeAddress(t)}
	folder, health := t.TempDir(), freeAddress(t)
	config := stackFile(t, folder, "jaeger/jaeger.yaml", "0.0.0.0:4317", j.address, "0.0.0.0:16686", j.query, "0.0.0.0:16685", freeAddress(t),
		"0.0.0.0:13133", health, "/tmp/jaeger", folder, "host: 0.0.0.0", "host: 127.0.0.1", "port: 8888", "port: 0")
	command, log := exec.Command(*jaegerProgram, "--config="+config), newLines()
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Logf("jaeger:\n%s", log)
		}
	})
	healthy := poll(t, waitLimit, 100*time.Millisecond, func() bool {
		response, err := http.Get("http://" + health + "/status") // as compose.yaml asks
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	if !healthy {
		t.Fatalf("Jaeger is not healthy:\n%s", log)
	}
	return j
}

func (j *jaeger) otlp() string { return j.address }

func (j *jaeger) traces(t *testing.T) map[string]bool {
	t.Helper()
	response, err := http.Get("http://" + j.query + "/api/traces?service=venta&limit=1000")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var found struct {
		Data []struct{ TraceID string }
	}
	if err := json.NewDecoder(response.Body).Decode(&found); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, trace := range found.Data {
		ids[strings.ToLower(trace.TraceID)] = true
	}
	return ids
}
