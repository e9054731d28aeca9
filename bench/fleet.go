package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/venta-hq/venta/bench/internal/report"
)

type fleetCommand struct {
	Rounds int           `help:"How often everything is measured." default:"3" placeholder:"N"`
	Each   time.Duration `help:"How long one measurement lasts." default:"200ms" placeholder:"DURATION"`
	Bench  string        `help:"The benchmarks, as go test selects them (default: all)." default:"." placeholder:"REGEXP"`
	Out    string        `help:"File for the table; an empty one writes none." default:"bench/FLEET.md" placeholder:"FILE"`
}

// Run measures package fleet in rounds, from 1 core to all, and writes the table.
func (c *fleetCommand) Run(ctx context.Context) (err error) {
	redis, err := exec.CommandContext(ctx, "redis-server", "--version").Output()
	if err != nil {
		return fmt.Errorf("redis-server 7.0 or later is needed (apt-get install redis-server): %w", err)
	}
	folder, err := os.MkdirTemp("", "venta-bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	binary := filepath.Join(folder, "fleet.test")
	if output, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, "./bench/fleet").CombinedOutput(); err != nil {
		return fmt.Errorf("building the benchmarks: %w\n%s", err, output)
	}
	var results []report.Result
	for round := range c.Rounds {
		measured, err := c.round(ctx, binary, round)
		if err != nil {
			return err
		}
		results = append(results, measured...)
	}
	text := report.FleetFacts(time.Now(), redisVersion(string(redis)), c.Rounds, c.Each) + "\n" + report.FleetTable(results)
	fmt.Print(text)
	if c.Out == "" {
		return nil
	}
	return os.WriteFile(c.Out, []byte(fleetPreface+text), 0o644)
}

const fleetPreface = `# A fleet's limits and cache, against the same by hand

Written by ` + "`make bench-fleet`" + `; [README.md](README.md#limits-and-cache-over-redis) says how to read it.

`

// round prints what it measures to standard error.
func (c *fleetCommand) round(ctx context.Context, binary string, round int) ([]report.Result, error) {
	var output bytes.Buffer
	command := exec.CommandContext(ctx, binary, "-test.run", "^$", "-test.bench", c.Bench, "-test.benchmem",
		"-test.benchtime", c.Each.String(), "-test.cpu", coreCounts(runtime.NumCPU()), "-test.timeout", "5m")
	command.Stdout, command.Stderr = io.MultiWriter(&output, os.Stderr), os.Stderr
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("round %d: %w", round+1, err)
	}
	return report.Parse(&output, round)
}

// coreCounts are the powers of two below n, and n.
func coreCounts(n int) string {
	var counts []string
	for i := 1; i < n; i *= 2 {
		counts = append(counts, strconv.Itoa(i))
	}
	return strings.Join(append(counts, strconv.Itoa(n)), ",")
}

// redisVersion shortens "Redis server v=7.0.15 sha=... bits=64".
func redisVersion(line string) string {
	for word := range strings.FieldsSeq(line) {
		if version, ok := strings.CutPrefix(word, "v="); ok {
			return "Redis " + version
		}
	}
	return "Redis of an unknown version"
}
