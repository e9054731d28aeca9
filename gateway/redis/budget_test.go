package redis_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/venta-hq/venta/gateway/redis"
	"github.com/venta-hq/venta/gateway/redis/redistest"
	"github.com/venta-hq/venta/gateway/requestctx"
)

type budgetKey struct{}

// TestRequestBudget has requests whose time for Redis is over, and whose is about
// to be. The first call nobody; neither says anything of the node.
func TestRequestBudget(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	const budget = 200 * time.Millisecond
	c := redistest.Open(t, redis.Options{Addresses: []string{server.Addr}, Timeout: budget, RequestBudget: budget})
	server.Pause()
	request := func() context.Context {
		r := new(requestctx.Context)
		r.Begin(t.Context(), budgetKey{}, nil, nil)
		return r
	}
	do := func(ctx context.Context) error {
		_, err := redis.Do(ctx, c, "k", set("k", "v"))
		return err
	}
	late := request()
	requestctx.WaitsOf(late).Begin()
	if err := do(late); !errors.Is(err, redis.ErrUnavailable) {
		t.Errorf("a hurried call: %v", err)
	}
	redistest.Eventually(t, func() bool { return requestctx.WaitsOf(late).Left(budget) <= 0 })
	calls := c.Stats().Calls
	for range 10 {
		if err := do(late); !errors.Is(err, redis.ErrUnavailable) {
			t.Errorf("a call too many: %v", err)
		}
	}
	if s := c.Stats(); s.Calls != calls || s.Timeouts != 0 || s.Failures != 0 || s.GivenUp != 0 {
		t.Errorf("the node is blamed: %+v", s)
	}
	server.Resume()
	if err := do(request()); err != nil && !rueidis.IsRedisNil(err) && !errors.Is(err, redis.ErrUnavailable) {
		t.Errorf("another request: %v", err)
	}
	if c.Stats().Calls == calls {
		t.Error("another request has no time either")
	}
}
