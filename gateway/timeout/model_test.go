package timeout_test

import (
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"pgregory.net/rapid"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/timeout"
)

// streamEnd is how a stream under bounds ends.
type streamEnd struct {
	at       time.Duration
	messages int
	reason   apierror.Reason // "": by itself
}

// model says by its messages how a stream ends: at each it looks whether a bound
// has passed since the one before.
func model(p policy.Timeout, messages []time.Duration) streamEnd {
	var last time.Duration
	for i, at := range messages {
		if end, bound := firstBound(p, last); bound != "" && end < at {
			return streamEnd{end, i, bound}
		}
		last = at
	}
	return streamEnd{last, len(messages), ""}
}

// firstBound returns which bound passes first if no message follows.
func firstBound(p policy.Timeout, last time.Duration) (time.Duration, apierror.Reason) {
	silent := last + p.Idle
	switch {
	case p.Duration > 0 && (p.Idle == 0 || p.Duration <= silent):
		return p.Duration, apierror.TimeoutExceeded
	case p.Idle > 0:
		return silent, timeout.StreamIdle
	}
	return 0, ""
}

// TestStreamModel compares streams with messages at any time with the model.
// Messages come between the milliseconds, bounds pass at them.
func TestStreamModel(t *testing.T) {
	visits := map[apierror.Reason]int{}
	rapid.Check(t, func(rt *rapid.T) {
		p := policy.Timeout{
			Duration: time.Duration(rapid.IntRange(0, 60).Draw(rt, "total")) * time.Millisecond,
			Idle:     time.Duration(rapid.IntRange(0, 20).Draw(rt, "idle")) * time.Millisecond,
		}
		if p.Duration == 0 && p.Idle == 0 {
			p.Idle = time.Millisecond
		}
		offset := time.Duration(rapid.IntRange(1, 999).Draw(rt, "offset")) * time.Microsecond
		var messages []time.Duration
		for _, at := range rapid.SliceOfN(rapid.IntRange(0, 80), 0, 30).Draw(rt, "messages") {
			messages = append(messages, time.Duration(at)*time.Millisecond)
		}
		slices.Sort(messages)
		for i := range messages {
			messages[i] += offset + time.Duration(i) // one after the other
		}
		want := model(p, messages)
		visits[want.reason]++
		var got streamEnd
		synctest.Test(t, func(t *testing.T) { got = run(t, p, messages) })
		if got != want {
			rt.Fatalf("%+v, want %+v", got, want)
		}
	})
	for _, reason := range []apierror.Reason{"", apierror.TimeoutExceeded, timeout.StreamIdle} {
		if visits[reason] == 0 {
			t.Errorf("no stream ended by %q", reason)
		}
	}
}

func run(t *testing.T, p policy.Timeout, messages []time.Duration) streamEnd {
	upstream := &wire{sends: slices.Clone(messages), err: io.EOF}
	start := time.Now()
	stream, err := newStream(t, p, timeout.Options{})(t.Context(), &grpc.StreamDesc{ServerStreams: true}, nil, streamMethod, upstream.open)
	if err != nil {
		t.Fatal(err)
	}
	n, err := drain(stream)
	end := streamEnd{at: time.Since(start), messages: n}
	if own := apierror.As(err); own != nil {
		end.reason = own.Reason
	}
	return end
}
