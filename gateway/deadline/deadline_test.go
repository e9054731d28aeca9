package deadline_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/deadline"
)

func TestEndedByCaller(t *testing.T) {
	tests := []struct {
		name   string
		caller time.Duration // 0: no deadline
		policy time.Duration
		after  time.Duration
		code   codes.Code
		want   bool
	}{
		{"running", 0, time.Second, 0, codes.Unavailable, false},
		{"policy ended it", 0, time.Second, 2 * time.Second, codes.DeadlineExceeded, false},
		{"policy ended it before the caller's deadline", time.Minute, time.Second, 2 * time.Second, codes.DeadlineExceeded, false},
		{"caller's deadline was sooner", time.Second, time.Minute, 2 * time.Second, codes.DeadlineExceeded, true},
		{"upstream noticed the policy's bound first", 0, time.Second, 970 * time.Millisecond, codes.DeadlineExceeded, false},
		{"upstream noticed the caller's deadline first", time.Second, time.Minute, 970 * time.Millisecond, codes.DeadlineExceeded, true},
		{"upstream gave up early under the caller's deadline", time.Second, time.Minute, 900 * time.Millisecond, codes.DeadlineExceeded, false},
		{"upstream gave up at once under the caller's deadline", time.Second, time.Minute, 0, codes.DeadlineExceeded, false},
		{"upstream gave up without any deadline of the caller", 0, time.Minute, 0, codes.DeadlineExceeded, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if test.caller > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.caller)
					defer cancel()
				}
				ctx, cancel := deadline.WithPolicy(ctx, test.policy)
				defer cancel()
				time.Sleep(test.after) // virtual
				if got := deadline.EndedByCaller(ctx, test.code); got != test.want {
					t.Errorf("EndedByCaller = %v, want %v", got, test.want)
				}
			})
		})
	}
}

func TestEndedByCallerWhenCancelled(t *testing.T) {
	parent, cancelParent := context.WithCancel(t.Context())
	ctx, cancel := deadline.WithPolicy(parent, time.Minute)
	defer cancel()
	cancelParent()
	if !deadline.EndedByCaller(ctx, codes.Canceled) {
		t.Error("a cancelled call must count as ended by its caller")
	}
}
