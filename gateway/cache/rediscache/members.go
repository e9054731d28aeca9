package rediscache

import (
	"context"
	"crypto/sha256"
	_ "embed" // the script
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/rueidis"
)

//go:embed beat.lua
var beatScript string

const (
	nameBytes   = 8
	mostMembers = 4096 // that are remembered from one server to the next
)

// membership is this process among the members of the fleet: those who may
// write, and so purge. It belongs to the goroutine that stays in contact.
//
// A member that has not spoken for a while may be cut off, and its writes purge
// nothing here. Nobody can tell it from one that has died, so it counts until it
// speaks again, leaves, is replaced by a process of its name, or is forgotten.
type membership struct {
	own   string
	clock clock
	run   string   // the server process that the others were seen at
	known []string // all members
	tell  bool     // that some are silent was told
}

// memberOf returns a member: what its name stands for, and the process. One
// without a name is replaced by nobody.
func memberOf(name string, id processID) string {
	if name == "" {
		return "-:" + id.String()
	}
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:nameBytes]) + ":" + id.String()
}

// clock tells the server's time, and never one that is to come there.
type clock struct {
	server int64 // milliseconds
	at     time.Time
}

// learn notes a time that was read before now.
func (c *clock) learn(server int64, now time.Time) { c.server, c.at = server, now }

func (c *clock) time(now time.Time) int64 { return c.server + now.Sub(c.at).Milliseconds() }

// readClock asks the server for its time.
func (r *Remote) readClock(ctx context.Context, client rueidis.DedicatedClient) error {
	parts, err := client.Do(ctx, client.B().Time().Build()).AsStrSlice()
	if err != nil {
		return fmt.Errorf("reading the server's time: %w", err)
	}
	if len(parts) != 2 {
		return errReply
	}
	seconds, err1 := strconv.ParseInt(parts[0], 10, 64)
	micros, err2 := strconv.ParseInt(parts[1], 10, 64)
	r.members.clock.learn(seconds*1000+micros/1000, time.Now())
	return errors.Join(err1, err2)
}

// carryOver makes the members of an earlier server known to this one, which may
// have lost them. Until they speak here they are silent.
func (r *Remote) carryOver(ctx context.Context, client rueidis.DedicatedClient, run string) error {
	m := &r.members
	if m.run == run || m.run == "" || len(m.known) == 0 {
		m.run = run
		return nil
	}
	silent := m.clock.time(time.Now()) - r.lease().Milliseconds() - 1
	add := client.B().Zadd().Key(r.keys.members).Nx().ScoreMember()
	for _, member := range m.known {
		if member != m.own {
			add = add.ScoreMember(float64(silent), member)
		}
	}
	if len(m.known) > 1 || m.known[0] != m.own {
		if err := client.Do(ctx, add.Build()).Error(); err != nil {
			return fmt.Errorf("carrying members over: %w", err)
		}
	}
	m.run = run
	return nil
}

// beat is what the server replies to a process that speaks.
type beat struct {
	epoch  string
	silent int // members that have not spoken
	gone   int // members that were forgotten or replaced by this beat
	time   int64
	all    int
}

var errReply = errors.New("a malformed reply")

// speak renews the own place as of the time that is given, by a script that none
// but a master executes: a replica hears purges too, but nobody would wait for
// who listens there.
func (r *Remote) speak(ctx context.Context, client rueidis.DedicatedClient, at time.Time) (beat, error) {
	result := client.Do(ctx, client.B().Eval().Script(beatScript).Numkeys(2).Key(r.keys.epoch, r.keys.members).
		Arg(r.members.own, number(r.members.clock.time(at)), number(r.lease().Milliseconds()),
			number(r.opts.ForgetAfter.Milliseconds()), random()).Build())
	found, err := parseBeat(result)
	if err != nil {
		return beat{}, fmt.Errorf("renewing the own place: %w", err)
	}
	r.members.clock.learn(found.time, time.Now())
	return found, nil
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func parseBeat(result rueidis.RedisResult) (b beat, err error) {
	fields, err := result.ToArray()
	if err != nil {
		return b, err
	}
	if len(fields) != 5 {
		return b, errReply
	}
	if b.epoch, err = fields[0].ToString(); err != nil {
		return b, err
	}
	var numbers [4]int64
	for i := range numbers {
		if numbers[i], err = fields[i+1].AsInt64(); err != nil {
			return b, err
		}
	}
	b.silent, b.gone, b.time, b.all = int(numbers[0]), int(numbers[1]), numbers[2], int(numbers[3])
	return b, nil
}

// remember learns who is there, when that has changed.
func (r *Remote) remember(ctx context.Context, client rueidis.DedicatedClient, b beat) error {
	m := &r.members
	if b.all != len(m.known) && len(m.known) < mostMembers {
		known, err := client.Do(ctx, client.B().Zrange().Key(r.keys.members).Min("0").Max(number(mostMembers-1)).Build()).AsStrSlice()
		if err != nil {
			return fmt.Errorf("reading the members: %w", err)
		}
		m.known = slices.Clone(known)
	}
	r.tellOfMembers(b)
	return nil
}

func (r *Remote) tellOfMembers(b beat) {
	if b.gone > 0 {
		r.tell(EventForgotten)
		r.opts.Logger.Warn("cache: gateways that were silent count no more; what was stored is void", "gateways", b.gone)
	}
	switch silent := b.silent > 0; {
	case silent && !r.members.tell:
		r.tell(EventSilent)
		r.opts.Logger.Warn("cache: gateways are silent and may write; nothing older than the bound is served by tag",
			"gateways", b.silent, "bound", r.opts.Bound)
	case !silent && r.members.tell:
		r.opts.Logger.Info("cache: every gateway that may write is heard again")
	}
	r.members.tell = b.silent > 0
}
