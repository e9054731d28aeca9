// Package report turns measurements into the table of results.
package report

import (
	"cmp"
	"slices"
	"time"
)

// Sample is one subject under one load, once.
type Sample struct {
	Row     string // the load
	Subject string
	Round   int

	RequestsPerSecond float64
	P50, P99          time.Duration
	CPU               time.Duration // of the subject's process, for one request
	Allocations       float64       // on the subject's heap, for one request
	PeakRSS           uint64        // of the subject's process, in bytes
}

// Line is what the rounds of one subject under one load have in common: medians.
type Line struct {
	Sample

	// SpeedRatio and CPURatio are this subject's numbers over the baseline's,
	// each taken within a round before the median: what slows a whole round
	// down cancels out.
	SpeedRatio, CPURatio float64
	// Spread is half the distance between the fastest and the slowest round,
	// over the median.
	Spread float64
}

// Summarize returns a line for each row and subject, in the order of their
// first samples. A row's first subject is its baseline.
func Summarize(samples []Sample) []Line {
	var lines []Line
	baselines := map[string][]Sample{}
	for _, s := range samples {
		if slices.ContainsFunc(lines, func(l Line) bool { return l.Row == s.Row && l.Subject == s.Subject }) {
			continue
		}
		own := of(samples, s.Row, s.Subject)
		if baselines[s.Row] == nil {
			baselines[s.Row] = own
		}
		lines = append(lines, summary(own, baselines[s.Row]))
	}
	return lines
}

func of(samples []Sample, row, subject string) []Sample {
	var found []Sample
	for _, s := range samples {
		if s.Row == row && s.Subject == subject {
			found = append(found, s)
		}
	}
	return found
}

func summary(own, base []Sample) Line {
	speed := func(s Sample) float64 { return s.RequestsPerSecond }
	cpu := func(s Sample) time.Duration { return s.CPU }
	speeds := each(own, speed)
	return Line{
		Sample: Sample{
			Row: own[0].Row, Subject: own[0].Subject, Round: len(own),
			RequestsPerSecond: median(speeds),
			P50:               median(each(own, func(s Sample) time.Duration { return s.P50 })),
			P99:               median(each(own, func(s Sample) time.Duration { return s.P99 })),
			CPU:               median(each(own, cpu)),
			Allocations:       median(each(own, func(s Sample) float64 { return s.Allocations })),
			PeakRSS:           median(each(own, func(s Sample) uint64 { return s.PeakRSS })),
		},
		SpeedRatio: median(ratios(own, base, speed)),
		CPURatio:   median(ratios(own, base, cpu)),
		Spread:     (slices.Max(speeds) - slices.Min(speeds)) / 2 / median(speeds),
	}
}

func each[V any](samples []Sample, value func(Sample) V) []V {
	values := make([]V, len(samples))
	for i, s := range samples {
		values[i] = value(s)
	}
	return values
}

// ratios divides within rounds.
func ratios[V number](own, base []Sample, value func(Sample) V) []float64 {
	var all []float64
	for _, b := range base {
		for _, o := range own {
			if o.Round == b.Round {
				all = append(all, float64(value(o))/float64(value(b)))
			}
		}
	}
	return all
}

type number interface {
	cmp.Ordered
	~int64 | ~uint64 | ~float64
}

// median returns the middle value, the mean of both where there are two, and 0
// of nothing.
func median[V number](values []V) V {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return sorted[middle-1] + (sorted[middle]-sorted[middle-1])/2
}
