// Package redislimit keeps the counts of shared rate limits in Redis, for all
// processes together and by the server's clock.
//
// # Exactness
//
// One script decides all counts of a request in one round trip. Its arithmetic
// is exact for every limit that package ratelimit accepts as shared: moments are
// whole microseconds and whole parts of one, of which there are as many as make
// the time of one unit a whole number. Only the server's clock has a resolution,
// a microsecond.
//
// # Keys
//
// A count is a string under "<prefix>rl:{<group>}:<name>" that expires once it
// owes nothing. The group is the hash tag: in a cluster it puts all counts of one
// request on one node. Where all shared limits of an RPC have the same key, the
// group has its digest, and an RPC's counts are spread over the nodes by it.
// Where they have different keys, or one is global, all counts of that RPC lie
// on one node, which thus sees every request of the RPC.
//
// # The server
//
// Redis 7.0 or later. A server whose memory is bounded should run with
// maxmemory-policy volatile-ttl, which forgets the counts that owe least first,
// or noeviction, which counts as a store out of reach.
//
// # Foreign values
//
// A key that holds something else is left alone: the charge fails, nothing is
// charged, and the limits do as they say for a store out of reach until somebody
// removes it. [Store.Foreign] counts them.
package redislimit

import (
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/redis/rueidis"

	"github.com/venta-hq/venta/gateway/ratelimit"
	"github.com/venta-hq/venta/gateway/redis"
)

//go:embed charge.lua
var script string

// ErrForeign is wrapped by the errors of a charge that met a value that is no count.
var ErrForeign = errors.New("a foreign value under a count's key")

// Store is a [ratelimit.Store] in Redis. It is safe for concurrent use.
type Store struct {
	client  *redis.Client
	script  *rueidis.Lua
	now     func() int64 // 0: the server's time
	keep    int64        // milliseconds that a count is kept once it owes nothing
	foreign atomic.Int64
}

var _ ratelimit.Store = (*Store)(nil)

// New returns a store of a client, which the caller closes. The script is loaded
// by its first use, and again where the server has lost it.
func New(client *redis.Client) *Store {
	return &Store{client: client, script: rueidis.NewLuaScript(script), now: func() int64 { return 0 }, keep: 1}
}

// Foreign returns how many charges met a foreign value.
func (s *Store) Foreign() int64 { return s.foreign.Load() }

// Charge implements [ratelimit.Store]. It waits no longer than the client's
// timeout. Its errors wrap [redis.ErrUnavailable] or [ErrForeign], or are the
// end of ctx.
func (s *Store) Charge(ctx context.Context, group string, asks []ratelimit.Ask, counts []ratelimit.Count) error {
	keys := s.keys(group, asks)
	args := arguments(s.now(), s.keep, asks)
	reply, err := redis.Do(ctx, s.client, keys[0], func(ctx context.Context, r rueidis.Client) ([]int64, error) {
		return s.script.Exec(ctx, r, keys, args).AsIntSlice()
	})
	if err != nil {
		return s.chargeError(err)
	}
	return read(reply, counts[:len(asks)])
}

func (s *Store) chargeError(err error) error {
	reply, ok := rueidis.IsRedisErr(err)
	if ok && (strings.HasPrefix(reply.Error(), "WRONGTYPE") || strings.HasPrefix(reply.Error(), "FOREIGN")) {
		s.foreign.Add(1)
		return fmt.Errorf("redislimit: %w: %w", ErrForeign, err)
	}
	return fmt.Errorf("redislimit: %w", err)
}

// keys returns the counts' keys, as parts of one string.
func (s *Store) keys(group string, asks []ratelimit.Ask) []string {
	prefix := s.client.Prefix() + "rl:{" + group + "}:"
	keys := make([]string, len(asks))
	for i := range asks {
		keys[i] = prefix + asks[i].Name
	}
	return keys
}

// fields is how many arguments the script takes of each count.
const fields = 8

// arguments renders the script's arguments as parts of one string.
func arguments(now, keep int64, asks []ratelimit.Ask) []string {
	var buffer [1 << 9]byte
	var ends [2 + fields*ratelimit.MaxLimits]int
	text := strconv.AppendInt(buffer[:0], now, 10)
	ends[0] = len(text)
	text = strconv.AppendInt(text, keep, 10)
	ends[1] = len(text)
	n := 2
	for i := range asks {
		a := &asks[i]
		for _, field := range [fields]int64{
			a.Need.Micros, a.Need.Parts, a.Want.Micros, a.Want.Parts, a.Burst.Micros, a.Burst.Parts, a.Parts, shadow(a),
		} {
			text = strconv.AppendInt(text, field, 10)
			ends[n] = len(text)
			n++
		}
	}
	return split(string(text), ends[:n])
}

func shadow(a *ratelimit.Ask) int64 {
	if a.Shadow {
		return 1
	}
	return 0
}

func split(text string, ends []int) []string {
	parts := make([]string, len(ends))
	start := 0
	for i, end := range ends {
		parts[i] = text[start:end]
		start = end
	}
	return parts
}

// verdicts are the script's words for what it did.
var verdicts = [...]ratelimit.Verdict{ratelimit.Refused, ratelimit.Spared, ratelimit.ChargedNeed, ratelimit.ChargedWant}

func read(reply []int64, counts []ratelimit.Count) error {
	if len(reply) != 1+3*len(counts) {
		return fmt.Errorf("redislimit: %w: a reply of %d numbers", ErrForeign, len(reply))
	}
	for i := range counts {
		us, parts, done := reply[1+3*i], reply[2+3*i], reply[3+3*i]
		if done < 0 || done >= int64(len(verdicts)) {
			return fmt.Errorf("redislimit: %w: a reply of %d", ErrForeign, done)
		}
		counts[i] = ratelimit.Count{Now: reply[0], TAT: ratelimit.Span{Micros: us, Parts: parts}, Verdict: verdicts[done]}
	}
	return nil
}
