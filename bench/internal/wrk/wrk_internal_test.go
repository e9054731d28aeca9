package wrk

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const written = "Running 1s test @ http://127.0.0.1:1/\n  1 threads and 2 connections\nRequests/sec:  1.0\n\n" +
	`venta-result {"requests":4000,"elapsed":2000000,"p50":700,"p99":9001,"connect":0,"read":0,"write":0,"timeout":0,"status":0}` + "\n"

func TestParse(t *testing.T) {
	got, err := parse([]byte(written))
	want := Result{Requests: 4000, Elapsed: 2 * time.Second, P50: 700 * time.Microsecond, P99: 9001 * time.Microsecond}
	if err != nil || got != want {
		t.Errorf("%v, %v", got, err)
	}
	for _, field := range []string{"connect", "read", "write", "timeout", "status"} {
		failed := strings.Replace(written, `"`+field+`":0`, `"`+field+`":3`, 1)
		if _, err := parse([]byte(failed)); err == nil || !strings.Contains(err.Error(), "requests failed: ") {
			t.Errorf("%s: error %v", field, err)
		}
	}
	for _, output := range []string{
		"", "Requests/sec: 1\n", marker + "{", strings.Replace(written, "4000", "0", 1), strings.Replace(written, "2000000", "0", 1),
	} {
		if got, err := parse([]byte(output)); err == nil {
			t.Errorf("%q is understood as %v", output, got)
		}
	}
}

func TestScript(t *testing.T) {
	got := script(Load{Method: "PUT", Header: http.Header{"B": {`"]]`}, "A": {"1"}}, Body: "é\n"})
	want := `wrk.method = "\080\085\084"
wrk.headers["\065"] = "\049"
wrk.headers["\066"] = "\034\093\093"
wrk.body = "\195\169\010"
` + report
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if bodiless := script(Load{Method: "GET"}); strings.Contains(bodiless, "wrk.body") {
		t.Errorf("a body in %s", bodiless)
	}
}

func TestBounds(t *testing.T) {
	tests := []struct {
		name string
		load Load
		ok   bool
	}{
		{"most", Load{Connections: MaxConnections, Duration: MaxDuration}, true},
		{"least", Load{Connections: 1, Duration: time.Second}, true},
		{"no connection", Load{Duration: time.Second}, false},
		{"too many connections", Load{Connections: MaxConnections + 1, Duration: time.Second}, false},
		{"too short", Load{Connections: 1, Duration: time.Second / 2}, false},
		{"too long", Load{Connections: 1, Duration: MaxDuration + time.Second}, false},
		{"not whole seconds", Load{Connections: 1, Duration: 3 * time.Second / 2}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := test.load.validate(); (err == nil) != test.ok {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Version(t.Context()); err == nil || !strings.Contains(err.Error(), "apt-get install -y wrk") {
		t.Errorf("error %v does not say how to install wrk", err)
	}
}
