package rediscache

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/rueidis"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/redis"
)

// unusedTagTTL is how long a tag's value stays that nothing is stored under: a
// response that takes the upstream longer is not found by others.
const unusedTagTTL = 10 * time.Minute

// A value is an entry behind its head: the stamp, and the time of the request in
// microseconds since 1970, as digits. One that was removed is the head alone.
const (
	stampBytes     = len(cache.Stamp{})
	requestedBytes = 16
	headBytes      = stampBytes + requestedBytes
)

// found is what is under an entry's key.
type found struct {
	value string
	left  time.Duration
}

// Load implements cache.Remote.
func (r *Remote) Load(ctx context.Context, key cache.RemoteKey, tags []cache.TagID) (cache.Loaded, error) {
	names := r.keys.tags(tags)
	entry, values, err := r.read(ctx, r.keys.entry(key), names)
	if err != nil {
		return cache.Loaded{}, fmt.Errorf("loading: %w", err)
	}
	if slices.Contains(values, "") { // then nothing can be stored under them
		if values, err = r.create(ctx, names, values); err != nil {
			return cache.Loaded{}, fmt.Errorf("making values of tags: %w", err)
		}
		return cache.Loaded{Stamp: stampOf(tags, values)}, nil
	}
	loaded := cache.Loaded{Stamp: stampOf(tags, values)}
	switch {
	case entry.value == "" || entry.left <= 0:
	case len(entry.value) > r.opts.MaxEntryBytes:
		r.tell(EventOversized)
	case len(entry.value) < headBytes:
		r.tell(EventMalformed)
	case len(entry.value) == headBytes: // it was removed
	case cache.Stamp([]byte(entry.value[:stampBytes])) == loaded.Stamp:
		loaded.Entry, loaded.Left = []byte(entry.value[headBytes:]), entry.left
	}
	return loaded, nil
}

// read asks for the entry and the tags' values at once, the values of the server
// that purges come from. A cluster, and sentinels in a failover, have two.
func (r *Remote) read(ctx context.Context, entry string, names []string) (found, []string, error) {
	type result struct {
		values []string
		err    error
	}
	read := make(chan result, 1)
	go func() { // ends within the client's timeout
		values, err := onLink(ctx, r, names[0], func(ctx context.Context, c rueidis.DedicatedClient) ([]string, error) {
			return optional(c.Do(ctx, c.B().Mget().Key(names...).Build()))
		})
		read <- result{values, err}
	}()
	e, err := redis.Do(ctx, r.opts.Client, entry, func(ctx context.Context, c rueidis.Client) (found, error) {
		return r.parseEntry(c.DoMulti(ctx, r.entryCommands(c, entry)...))
	})
	tags := <-read
	return e, tags.values, errors.Join(err, tags.err)
}

// onLink is redis.Do by the connection of the subscription.
func onLink[T any](ctx context.Context, r *Remote, key string, fn func(context.Context, rueidis.DedicatedClient) (T, error)) (T, error) {
	l := r.link.Load()
	if l == nil {
		var none T
		return none, errNoConnection
	}
	return redis.Do(ctx, r.opts.Client, key, func(ctx context.Context, _ rueidis.Client) (T, error) { return fn(ctx, l.client) })
}

// entryCommands asks for no more of a value than may be used.
func (r *Remote) entryCommands(c rueidis.Client, entry string) []rueidis.Completed {
	return []rueidis.Completed{
		c.B().Getrange().Key(entry).Start(0).End(int64(r.opts.MaxEntryBytes)).Build(),
		c.B().Pttl().Key(entry).Build(),
	}
}

// parseEntry takes a value of another type for none.
func (r *Remote) parseEntry(results []rueidis.RedisResult) (found, error) {
	value, err := results[0].ToString()
	if reply, ok := rueidis.IsRedisErr(err); ok && isWrongType(reply) {
		r.tell(EventMalformed)
		return found{}, nil
	}
	if err != nil {
		return found{}, err
	}
	left, err := results[1].AsInt64()
	return found{value, time.Duration(left) * time.Millisecond}, err
}

// optional returns the values, "" for those that are not there.
func optional(result rueidis.RedisResult) ([]string, error) {
	list, err := result.ToArray()
	if err != nil {
		return nil, err
	}
	values := make([]string, len(list))
	for i := range list {
		if list[i].IsNil() {
			continue
		}
		if values[i], err = list[i].ToString(); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// create makes the values that are missing, or learns what another process has
// made meanwhile.
func (r *Remote) create(ctx context.Context, names, values []string) ([]string, error) {
	return onLink(ctx, r, names[0], func(ctx context.Context, c rueidis.DedicatedClient) ([]string, error) {
		made := append([]string(nil), values...)
		var at []int
		var commands []rueidis.Completed
		for i := range made {
			if made[i] == "" {
				made[i] = random()
				at = append(at, i)
				commands = append(commands, makeValue(c.B(), names[i], made[i], i == 0))
			}
		}
		for i, result := range c.DoMulti(ctx, commands...) {
			switch there, err := result.ToString(); {
			case err == nil:
				made[at[i]] = there
			case !rueidis.IsRedisNil(err):
				return nil, err
			}
		}
		return made, nil
	})
}

func makeValue(b rueidis.Builder, name, value string, forever bool) rueidis.Completed {
	set := b.Set().Key(name).Value(value).Nx().Get()
	if forever {
		return set.Build()
	}
	return set.Px(unusedTagTTL).Build()
}

// stampOf hashes tags and values, each behind its length.
func stampOf(tags []cache.TagID, values []string) cache.Stamp {
	b := make([]byte, 0, 256)
	for i := range tags {
		b = append(b, tags[i][:]...)
	}
	for _, value := range values {
		b = binary.AppendUvarint(b, uint64(len(value)))
		b = append(b, value...)
	}
	sum := sha256.Sum256(b)
	return cache.Stamp(sum[:stampBytes])
}
