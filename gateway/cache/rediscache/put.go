package rediscache

import (
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/redis"
)

const (
	writers      = 2
	mostQueued   = 1024                   // entries
	nothingTTL   = time.Second            // for which who would wait calls the upstream itself
	landedTTL    = 250 * time.Millisecond // for which who has found no entry looks again
	tagSpare     = time.Minute            // for which a tag's value outlives what is stored under it
	removedTTL   = time.Minute            // for which a removal outlives the calls of before it
	flightFailed = "0"
	flightOpen   = "1"
	flightLanded = "2"
)

// putScript orders what is stored under a key by when it was requested: writers
// are many, and a slow one comes last.
//
//go:embed put.lua
var putScript string

var storeInOrder = rueidis.NewLuaScript(putScript)

// queue holds what waits to be stored.
type queue struct {
	puts  chan cache.Put
	bytes atomic.Int64
	limit int64
}

func (q *queue) init(limit int64) {
	q.puts, q.limit = make(chan cache.Put, mostQueued), limit
}

// add reports false, and keeps nothing, where the queue is full.
func (q *queue) add(p cache.Put) bool {
	size := int64(len(p.Entry))
	if q.bytes.Add(size) <= q.limit {
		select {
		case q.puts <- p:
			return true
		default:
		}
	}
	q.bytes.Add(-size)
	return false
}

// Lead implements cache.Remote.
func (r *Remote) Lead(ctx context.Context, key cache.RemoteKey, stamp cache.Stamp) (cache.Role, error) {
	name := r.keys.flight(key, stamp)
	return redis.Do(ctx, r.opts.Client, name, func(ctx context.Context, c rueidis.Client) (cache.Role, error) {
		open := c.B().Set().Key(name).Value(flightOpen).Nx().Get().Px(r.opts.Lease).Build()
		switch value, err := c.Do(ctx, open).ToString(); {
		case rueidis.IsRedisNil(err):
			return cache.RoleLeader, nil
		case err != nil:
			return cache.RoleAlone, err
		case value == flightFailed:
			return cache.RoleAlone, nil
		default:
			return cache.RoleFollower, nil
		}
	})
}

// Put implements cache.Remote. An entry that does not fit is not shared.
func (r *Remote) Put(p cache.Put) {
	if p.Entry == nil && !p.Leads && !p.Remove || r.closing.Load() {
		return
	}
	if len(p.Entry)+headBytes > r.opts.MaxEntryBytes {
		r.tell(EventOversized)
		if p.Entry = nil; !p.Leads {
			return
		}
	}
	if r.queue.add(p) {
		return
	}
	r.tell(EventQueueFull)
	if p.Entry = nil; p.Leads {
		r.queue.add(p) // lets go who waits
	}
}

// write stores what is queued.
func (r *Remote) write(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-r.queue.puts:
			switch err := r.put(ctx, p); {
			case err != nil:
				r.tell(EventPutFailed)
			case p.Entry != nil:
				r.tell(EventPut)
			}
			r.queue.bytes.Add(-int64(len(p.Entry)))
		}
	}
}

func (r *Remote) put(ctx context.Context, p cache.Put) error {
	name := r.keys.entry(p.Key)
	_, err := redis.Do(ctx, r.opts.Client, name, func(ctx context.Context, c rueidis.Client) (struct{}, error) {
		return struct{}{}, errors.Join(r.store(ctx, c, name, p), r.endFlight(ctx, c, p))
	})
	if err != nil || p.Entry == nil || len(p.Tags) == 0 {
		return err
	}
	return r.lengthen(ctx, p)
}

// store stores or removes the entry. Where it is removed, the time stays for a
// while: a slow response of before it must not come back.
func (r *Remote) store(ctx context.Context, c rueidis.Client, name string, p cache.Put) error {
	keep := max(p.Keep, time.Millisecond)
	switch {
	case p.Entry != nil:
	case p.Remove:
		keep = removedTTL
	default:
		return nil
	}
	value := string(p.Stamp[:]) + requestedAt(p.Requested) + string(p.Entry)
	return storeInOrder.Exec(ctx, c, []string{name}, []string{
		value, strconv.Itoa(stampBytes), strconv.Itoa(requestedBytes), strconv.FormatInt(keep.Milliseconds(), 10),
	}).Error()
}

// requestedAt writes a time so that Redis can compare it with those of other
// processes: as exactly as the clocks agree.
func requestedAt(at time.Time) string {
	return fmt.Sprintf("%0*d", requestedBytes, max(at.UnixMicro(), 0))
}

// endFlight tells those who wait for the entry. The flight may have become another
// process's since: at worst one more calls the upstream.
func (r *Remote) endFlight(ctx context.Context, c rueidis.Client, p cache.Put) error {
	if !p.Leads {
		return nil
	}
	outcome, shown := flightFailed, nothingTTL
	if p.Entry != nil {
		outcome, shown = flightLanded, landedTTL
	}
	flight := r.keys.flight(p.Key, p.Stamp)
	return firstError([]rueidis.RedisResult{c.Do(ctx, c.B().Set().Key(flight).Value(outcome).Xx().Px(shown).Build())})
}

// lengthen keeps the tags' values for as long as the entry. Without one the
// entry is not found any more, which is never wrong.
func (r *Remote) lengthen(ctx context.Context, p cache.Put) error {
	names := r.keys.tags(p.Tags)
	keep := (p.Keep + tagSpare).Milliseconds()
	_, err := redis.Do(ctx, r.opts.Client, names[0], func(ctx context.Context, c rueidis.Client) (struct{}, error) {
		var commands []rueidis.Completed
		for _, name := range names[1:] {
			commands = append(commands, c.B().Pexpire().Key(name).Milliseconds(keep).Gt().Build())
		}
		return struct{}{}, firstError(c.DoMulti(ctx, commands...))
	})
	return err
}

// firstError returns what went wrong. A condition that does not hold is no error.
func firstError(results []rueidis.RedisResult) error {
	for _, result := range results {
		if err := result.Error(); err != nil && !rueidis.IsRedisNil(err) {
			return err
		}
	}
	return nil
}

func isWrongType(err *rueidis.RedisError) bool {
	return strings.HasPrefix(err.Error(), "WRONGTYPE")
}
