package backend

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Script says how a backend responds. The zero value responds at once.
type Script struct {
	// Latency is how long a response takes.
	Latency time.Duration
	// Workers is how many calls are served at once; the others wait for a worker
	// in the order of their coming, so that Workers divided by Latency is the
	// backend's exact capacity. 0: no bound.
	Workers int
	// ErrorPercent of the calls fail with ErrorCode, from 0 to 100. They are spread
	// evenly: what a breaker makes of a share must not depend on a run of bad luck.
	ErrorPercent int
	// ErrorCode is the status of failures. Default: UNAVAILABLE.
	ErrorCode codes.Code
	// OtherCode is the status of the other calls. Default: OK.
	OtherCode codes.Code
	// Hang leaves calls without a response until their caller gives up.
	Hang bool
}

// stage is a script that is being played. It is safe for concurrent use.
type stage struct {
	Script
	workers chan struct{} // nil: no bound
	calls   atomic.Int64
}

func newStage(s Script) *stage {
	if s.ErrorCode == codes.OK {
		s.ErrorCode = codes.Unavailable
	}
	played := &stage{Script: s}
	if s.Workers > 0 {
		played.workers = make(chan struct{}, s.Workers)
	}
	return played
}

// play does what the script says of one call, until ctx ends.
func (s *stage) play(ctx context.Context) error {
	if s.Hang {
		<-ctx.Done()
		return status.FromContextError(ctx.Err()).Err()
	}
	if err := s.work(ctx); err != nil {
		return status.FromContextError(err).Err()
	}
	if s.calls.Add(1)*int64(s.ErrorPercent)%100 < int64(s.ErrorPercent) {
		return status.Error(s.ErrorCode, "scripted failure")
	}
	return status.Error(s.OtherCode, "scripted status") // nil for OK
}

// work takes a worker for the time of a response. A worker finishes what it has
// begun, as a database would, even if the caller has left.
func (s *stage) work(ctx context.Context) error {
	if s.workers != nil {
		select {
		case s.workers <- struct{}{}:
			defer func() { <-s.workers }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if s.Latency > 0 {
		time.Sleep(s.Latency)
	}
	return ctx.Err()
}
