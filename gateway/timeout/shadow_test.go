package timeout_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/timeout"
)

func TestShadow(t *testing.T) {
	tests := []struct {
		name     string
		caller   time.Duration // its deadline; 0: none
		cancel   time.Duration
		after    time.Duration
		response error
		code     codes.Code
		told     int
	}{
		{"in time", 0, 0, time.Second, nil, codes.OK, 0},
		{"in the last moment", 0, 0, 5 * time.Second, nil, codes.OK, 0},
		{"over time", 0, 0, 9 * time.Second, nil, codes.OK, 1},
		{"an error over time", 0, 0, 9 * time.Second, status.Error(codes.NotFound, ""), codes.NotFound, 1},
		{"the caller's deadline is later", 7 * time.Second, 0, time.Hour, nil, codes.DeadlineExceeded, 1},
		{"the caller's deadline is sooner", 3 * time.Second, 0, time.Hour, nil, codes.DeadlineExceeded, 0},
		{"the caller leaves before", 0, 4 * time.Second, time.Hour, nil, codes.Canceled, 0},
		{"the caller leaves after", 0, 6 * time.Second, time.Hour, nil, codes.Canceled, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told := 0
				intercept, err := timeout.New(policy.Timeout{Duration: 5 * time.Second, Shadow: true}, timeout.Options{
					OnExceeded: func(context.Context, string) { t.Error("exceeded") },
					OnShadow: func(_ context.Context, would string) {
						if told++; would != timeout.WouldExceed {
							t.Errorf("would %q", would)
						}
					},
				})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := callerContext(t, test.caller, test.cancel)
				defer cancel()
				err = intercept(ctx, method, nil, nil, nil,
					func(inner context.Context, method string, req, reply any, cc *grpc.ClientConn, opts ...grpc.CallOption) error {
						if inner != ctx {
							t.Error("the call's context is not the caller's")
						}
						return upstream(test.after, test.response)(inner, method, req, reply, cc, opts...)
					})
				if status.Code(err) != test.code || told != test.told {
					t.Errorf("%v, told %d times", err, told)
				}
			})
		})
	}
}
