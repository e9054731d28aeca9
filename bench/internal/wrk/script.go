package wrk

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// marker begins the line that the script's end writes.
const marker = "venta-result "

// report is a function of wrk's scripts: it is called once, after the load.
const report = `
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('\n` + marker + `{"requests":%d,"elapsed":%d,"p50":%d,"p99":%d,' ..
    '"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect, e.read, e.write, e.timeout, e.status))
end
`

// script returns the Lua program that makes wrk send the load. The request is
// fixed, so wrk builds it once.
func script(load Load) string {
	var b strings.Builder
	fmt.Fprintf(&b, "wrk.method = %s\n", quote(load.Method))
	names := make([]string, 0, len(load.Header))
	for name := range load.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, "wrk.headers[%s] = %s\n", quote(name), quote(load.Header.Get(name)))
	}
	if load.Body != "" {
		fmt.Fprintf(&b, "wrk.body = %s\n", quote(load.Body))
	}
	return b.String() + report
}

// quote writes every byte as Lua's decimal escape, so that no text can end the
// string.
func quote(text string) string {
	var b strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&b, `\%03d`, text[i])
	}
	return `"` + b.String() + `"`
}

func writeScript(load Load) (string, error) {
	file, err := os.CreateTemp("", "venta-bench-*.lua")
	if err != nil {
		return "", err
	}
	_, err = file.WriteString(script(load))
	if err = errors.Join(err, file.Close()); err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}
	return file.Name(), nil
}

// outcome is the line that the script writes; times are in microseconds.
type outcome struct {
	Requests, Elapsed, P50, P99           int64
	Connect, Read, Write, Timeout, Status int64
}

func parse(output []byte) (Result, error) {
	_, line, found := strings.Cut(string(output), marker)
	var o outcome
	if !found {
		return Result{}, fmt.Errorf("wrk wrote no result: %s", output)
	}
	if err := json.NewDecoder(strings.NewReader(line)).Decode(&o); err != nil {
		return Result{}, fmt.Errorf("wrk's result: %w: %s", err, line)
	}
	if o.Connect+o.Read+o.Write+o.Timeout+o.Status > 0 {
		return Result{}, fmt.Errorf("requests failed: %d by status, %d by time-out, at the socket %d connecting, %d reading, %d writing",
			o.Status, o.Timeout, o.Connect, o.Read, o.Write)
	}
	if o.Requests <= 0 || o.Elapsed <= 0 {
		return Result{}, fmt.Errorf("wrk completed no request: %s", output)
	}
	micros := func(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
	return Result{Requests: o.Requests, Elapsed: micros(o.Elapsed), P50: micros(o.P50), P99: micros(o.P99)}, nil
}
