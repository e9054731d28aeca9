package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/venta-hq/venta/bench/internal/process"
	"github.com/venta-hq/venta/bench/internal/report"
	"github.com/venta-hq/venta/bench/internal/subject"
	"github.com/venta-hq/venta/bench/internal/wrk"
	"github.com/venta-hq/venta/gateway/auth/devkeys"
)

// titles are the subjects' names in the table.
var titles = map[subject.Mode]string{
	subject.Bare:         "bare",
	subject.BareSqueezed: "bare + gzhttp",
	subject.Plain:        "net/http",
	subject.Venta:        "venta, no policy",
	subject.Policies:     "venta, every policy",
	subject.Cached:       "venta, every policy + cache",
}

const (
	// results is where a full run leaves its table.
	results = "bench/RESULTS.md"
	warmUp  = time.Second
)

type runCommand struct {
	Rounds   int           `help:"How often each subject is measured under each load." default:"5" placeholder:"N"`
	Duration time.Duration `help:"How long one load lasts, in whole seconds." default:"3s" placeholder:"DURATION"`
	Rows     []string      `help:"The loads, by name; a wrong one lists them (default: all)." placeholder:"NAME,..."`
	Quick    bool          `help:"2 rounds of 1s: does it work, and roughly how fast is it?"`
	Out      string        `help:"File for the table (default: bench/RESULTS.md for a full run, else none)." placeholder:"FILE"`
	MaxProcs int           `help:"GOMAXPROCS of the backend and of each subject (default: the number of cores)." placeholder:"N"`
	Profile  string        `help:"Folder for CPU profiles of the subjects; taking them slows the subjects down." placeholder:"DIR"`
}

// Run measures and writes the table.
func (c *runCommand) Run(ctx context.Context) error {
	rows, err := choose(c.Rows)
	if err != nil {
		return err
	}
	generator, err := wrk.Version(ctx)
	if err != nil {
		return err
	}
	if err := c.complete(); err != nil {
		return err
	}
	facts := report.Facts{
		When: time.Now(), Generator: generator, MaxProcs: c.MaxProcs, Rounds: c.Rounds, Duration: c.Duration, WarmUp: warmUp,
	}
	samples, err := c.measure(ctx, rows)
	if err != nil {
		return err
	}
	text := facts.String() + "\n" + report.Table(report.Summarize(samples))
	fmt.Print(text)
	if c.Out == "" {
		return nil
	}
	return os.WriteFile(c.Out, []byte(preface+text), 0o644)
}

const preface = `# Results

Written by ` + "`make bench`" + `; [README.md](README.md) says how to read it.

`

// complete fills in what the flags leave open.
func (c *runCommand) complete() error {
	full := len(c.Rows) == 0 && !c.Quick && c.Profile == ""
	if full && c.Out == "" {
		c.Out = results
	}
	if c.Quick {
		c.Rounds, c.Duration = 2, time.Second
	}
	if c.MaxProcs == 0 {
		c.MaxProcs = runtime.NumCPU()
	}
	if c.Rounds < 1 || c.MaxProcs < 1 {
		return errors.New("--rounds and --max-procs must be positive")
	}
	if c.Profile == "" {
		return nil
	}
	return os.MkdirAll(c.Profile, 0o755)
}

// measure starts what all measurements share, and ends it.
func (c *runCommand) measure(ctx context.Context, rows []row) (samples []report.Sample, err error) {
	folder, err := os.MkdirTemp("", "venta-bench")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	token, err := sign(folder)
	if err != nil {
		return nil, err
	}
	backend, err := process.Start(ctx, c.MaxProcs, "backend")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, backend.Stop()) }()
	b := &bench{
		backend: backend.Main, keys: folder, token: token, maxProcs: c.MaxProcs,
		duration: c.Duration, warmUp: warmUp, profiles: c.Profile,
	}
	for round := range c.Rounds {
		measured, err := b.round(ctx, round, rows)
		if err != nil {
			return nil, err
		}
		samples = append(samples, measured...)
	}
	return samples, nil
}

func sign(folder string) (string, error) {
	keys, err := devkeys.Open(folder)
	if err != nil {
		return "", err
	}
	return keys.Sign(devkeys.Claims{Subject: "ada", TTL: 24 * time.Hour})
}

// round measures every subject once under each load. Each round begins with
// another subject, so that none is always the first.
func (b *bench) round(ctx context.Context, round int, rows []row) ([]report.Sample, error) {
	var samples []report.Sample
	for _, r := range rows {
		for i := range r.modes {
			mode := r.modes[(i+round)%len(r.modes)]
			sample, err := b.measure(ctx, r, mode)
			if errors.Is(err, errLeftOut) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", r.title, titles[mode], err)
			}
			sample.Round = round
			samples = append(samples, sample)
			fmt.Fprintf(os.Stderr, "round %d: %s, %s: %.0f req/s\n", round+1, sample.Row, sample.Subject, sample.RequestsPerSecond)
		}
	}
	return samples, nil
}
