package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/venta-hq/venta/bench/internal/process"
	"github.com/venta-hq/venta/bench/internal/report"
	"github.com/venta-hq/venta/bench/internal/side"
	"github.com/venta-hq/venta/bench/internal/subject"
	"github.com/venta-hq/venta/bench/internal/wrk"
)

// errLeftOut says that a row is not about a subject.
var errLeftOut = errors.New("the subject does not respond in the encoding")

// bench is the place where subjects are measured.
type bench struct {
	backend  string // its address
	keys     string // folder of the keys
	token    string
	maxProcs int
	duration time.Duration
	warmUp   time.Duration
	profiles string // folder for CPU profiles; "": none
}

// measure runs a fresh process of the subject under the row's load, once. The
// process is warm when it is measured, and gives the right responses before
// and after that.
func (b *bench) measure(ctx context.Context, r row, mode subject.Mode) (sample report.Sample, err error) {
	child, err := process.Start(ctx, b.maxProcs, "subject", "--mode", string(mode),
		"--backend", b.backend, "--keys", b.keys, "--routes", strconv.Itoa(r.routes))
	if err != nil {
		return sample, err
	}
	defer func() { err = errors.Join(err, child.Stop()) }()
	header, err := b.prepare(ctx, r, mode, child.Main)
	if err != nil {
		return sample, err
	}
	body, err := r.body()
	if err != nil {
		return sample, err
	}
	load := wrk.Load{
		URL: "http://" + child.Main + r.path, Method: r.verb, Header: header, Body: body,
		Connections: r.connections, Duration: b.warmUp,
	}
	if _, err := wrk.Run(ctx, load); err != nil {
		return sample, fmt.Errorf("warming up: %w", err)
	}
	load.Duration = b.duration
	if sample, err = b.underLoad(ctx, r, mode, child, load); err != nil {
		return sample, err
	}
	after, err := r.do(ctx, child.Main, header)
	if err != nil {
		return sample, err
	}
	return sample, r.check(mode, after)
}

// prepare returns the header of the row's requests, after the subject has
// responded rightly to them. It is errLeftOut where the row is not about it.
func (b *bench) prepare(ctx context.Context, r row, mode subject.Mode, address string) (http.Header, error) {
	header := r.headers(b.token)
	first, err := r.do(ctx, address, header) // fills the cache, if any
	if err != nil {
		return nil, err
	}
	if r.encoding != "" && first.header.Get("Content-Encoding") != r.encoding {
		return nil, errLeftOut
	}
	if etag := first.header.Get("ETag"); r.conditional {
		if etag == "" {
			etag = `"unknown"` // the subject has none and responds in full
		}
		header.Set("If-None-Match", etag)
	}
	repeated, err := r.do(ctx, address, header)
	if err != nil {
		return nil, err
	}
	return header, r.check(mode, repeated)
}

func (b *bench) underLoad(ctx context.Context, r row, mode subject.Mode, child *process.Child, load wrk.Load) (report.Sample, error) {
	before, err := side.Read(ctx, child.Side)
	if err != nil {
		return report.Sample{}, err
	}
	result, err := b.run(ctx, r, mode, child, load)
	if err != nil {
		return report.Sample{}, err
	}
	after, err := side.Read(ctx, child.Side)
	if err != nil {
		return report.Sample{}, err
	}
	requests := float64(result.Requests)
	return report.Sample{
		Row: r.title, Subject: titles[mode],
		RequestsPerSecond: requests / result.Elapsed.Seconds(),
		P50:               result.P50,
		P99:               result.P99,
		CPU:               time.Duration(float64(after.CPU-before.CPU) / requests),
		Allocations:       float64(after.Allocations-before.Allocations) / requests,
		PeakRSS:           after.PeakRSS,
	}, nil
}

// run sends the load, and profiles the subject meanwhile if b.profiles names a folder.
func (b *bench) run(ctx context.Context, r row, mode subject.Mode, child *process.Child, load wrk.Load) (result wrk.Result, err error) {
	if b.profiles == "" {
		return wrk.Run(ctx, load)
	}
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		profile, err := side.Profile(ctx, child.Side, load.Duration)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(b.profiles, r.name+"-"+string(mode)+".pprof"), profile, 0o644)
	})
	both.Go(func() error {
		result, err = wrk.Run(ctx, load)
		return err
	})
	err = both.Wait()
	return result, err
}
