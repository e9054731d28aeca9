// Package wrk loads an HTTP server with Debian's wrk, a load generator that
// keeps a fixed number of connections busy.
package wrk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// The bounds of a [Load].
const (
	MaxConnections = 512
	MaxDuration    = time.Minute
)

// grace is how long wrk may take beyond the load's duration.
const grace = 15 * time.Second

// Load is one request, sent over and over.
type Load struct {
	URL    string
	Method string
	Header http.Header // one value each
	Body   string
	// Connections are kept alive; each has one request under way. 1 to
	// MaxConnections.
	Connections int
	// Duration is in whole seconds, 1 s to MaxDuration.
	Duration time.Duration
}

// Result is what a load's requests met, all of them with a status below 400.
type Result struct {
	Requests int64
	Elapsed  time.Duration
	P50, P99 time.Duration // from request to response
}

// Version returns wrk's first line about itself, or an error that says how to
// install it.
func Version(ctx context.Context) (string, error) {
	path, err := exec.LookPath("wrk")
	if err != nil {
		return "", errors.New("wrk, which generates the load, is missing; install it: apt-get install -y wrk")
	}
	about, _ := exec.CommandContext(ctx, path, "--version").Output() // its status is 1, always
	line, _, _ := strings.Cut(string(about), "\n")
	line, _, _ = strings.Cut(line, " [")
	if !strings.HasPrefix(line, "wrk ") {
		return "", fmt.Errorf("%s does not say that it is wrk: %q", path, line)
	}
	return line, nil
}

// Run sends the load from one thread. It fails when a request does: by its
// status, by a time-out of 5 s, or at the socket.
func Run(ctx context.Context, load Load) (Result, error) {
	if err := load.validate(); err != nil {
		return Result{}, err
	}
	script, err := writeScript(load)
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = os.Remove(script) }() // the system's temporary folder forgets it anyway
	ctx, cancel := context.WithTimeout(ctx, load.Duration+grace)
	defer cancel()
	output, err := exec.CommandContext(ctx, "wrk",
		"--threads", "1",
		"--connections", strconv.Itoa(load.Connections),
		"--duration", fmt.Sprintf("%ds", int(load.Duration.Seconds())),
		"--timeout", "5s",
		"--script", script,
		load.URL,
	).CombinedOutput()
	if err != nil {
		return Result{}, fmt.Errorf("wrk: %w: %s", err, output)
	}
	return parse(output)
}

func (l Load) validate() error {
	if l.Connections < 1 || l.Connections > MaxConnections {
		return fmt.Errorf("%d connections are not between 1 and %d", l.Connections, MaxConnections)
	}
	if l.Duration < time.Second || l.Duration > MaxDuration || l.Duration%time.Second != 0 {
		return fmt.Errorf("%s is not in whole seconds between 1s and %s", l.Duration, MaxDuration)
	}
	return nil
}
