// Package rediscache is level 2 of package cache over Redis 7 or later:
// a single server, one behind sentinels, or a cluster.
//
// # Keys
//
// With the client's prefix P, all that decides is in one slot, on one node:
//
//	{P:cache}:epoch      a random value that every stamp has a part of
//	{P:cache}:run        the server process that the epoch was made for
//	{P:cache}:members    the processes that may write, and when each spoke last
//	{P:cache}:t:<tag>    a random value, there while somebody stores under the tag
//	{P:cache}:purge      the channel of purges
//	{P:cache}:to:<id>    the channel of acknowledgements to one process
//	P:cache:{<key>}:v    an entry, behind the stamp that it was stored under and the time of its request
//	P:cache:{<key>}:l:*  who calls the upstream for it
//
// A purge deletes the tags' values. Whoever needs one that is missing makes a new
// one, so that a value which was deleted, expired or evicted never comes back,
// nor does what was stored under it. Entries are spread over all nodes and
// decide nothing: on a node that has come back with old data none of them
// matches. The node of the epoch is watched by every process: where another
// server process holds it than the epoch was made for, which may have lost
// the last purges, the epoch is made anew and voids everything.
//
// Tags and keys are hashed. Entries hold what the upstream has sent, with the
// parts of the key to compare: with an audience of principals that is users'
// data. Who can write to Redis can respond in the upstream's name.
//
// A Redis that bounds its memory may evict any of them; best are the policies
// that spare what has no expiry (volatile-lru and the like), as a lost epoch
// voids everything. An ACL must allow GET, GETRANGE, PTTL, MGET, SET, DEL,
// PEXPIRE, EVAL, EVALSHA, TIME, ZADD, ZCARD, ZRANGE, ZRANGEBYSCORE, ZREM, INFO,
// SSUBSCRIBE and SPUBLISH, and the channels.
//
// # Trust
//
// Each process subscribes on a connection of its own and renews its place among
// the members on the same one, which none but a master lets it. Purges and replies
// come in order, so that the reply to a request proves that all purges of before
// the request have been heard. A process whose last proof is older than half the
// bound, or that has purges to deliver, is not trusted: it calls the upstream for
// what is tagged. After a loss of contact it stays so for a bound longer, in which
// others deliver what they could not.
//
// That a process hears is not enough: every other one must be able to speak. The
// reply says whether some member has been silent for half the bound. It may be cut
// off, and its writes purge nothing here. Then nothing that is tagged and was
// requested earlier than a bound ago is served, until the member speaks again,
// which it does behind its purges, or counts no more: it has left, a process of its
// name has replaced it, or it was silent for [Options].ForgetAfter. Where it did
// not leave, everything that was stored is void.
//
// So a write that was answered is contradicted nowhere for longer than the bound:
// the writer's last word to Redis is from before its answer, half a bound later
// nobody gets a proof without the silence in it, and half a bound later again the
// last proof has ended.
package rediscache

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/redis"
)

// The defaults of [Options].
const (
	DefaultBound         = time.Second
	DefaultAckTimeout    = 40 * time.Millisecond
	DefaultLease         = 5 * time.Second
	DefaultMaxEntryBytes = cache.DefaultMaxEntryBytes + 64<<10
	DefaultMaxQueueBytes = 16 << 20
	DefaultMaxPending    = 1024
	DefaultForgetAfter   = 10 * time.Minute
)

// Options says how a [Remote] works. A zero field takes its default.
type Options struct {
	// Client is the connection. Required; the caller closes it, after the Remote.
	Client *redis.Client
	// Name tells this process from the others and stays through a restart, such as
	// its host and address. A process that comes back under the name of one that
	// died shows that it has died. Default "": it is known to be gone when it has left
	// or is forgotten.
	Name string
	// Bound is how long after a write that was answered another process may serve
	// what the write has made old, where the purge cannot reach it. Default
	// [DefaultBound]; from 100ms to a minute.
	Bound time.Duration
	// ForgetAfter is how long a process that is silent, and did not leave, is counted
	// as one that may write. Default [DefaultForgetAfter]; from Bound to 24h.
	ForgetAfter time.Duration
	// AckTimeout is how long a purge waits for the other processes. What has
	// Bound or more here never lets a write respond before every process has purged
	// or stopped to serve. Default [DefaultAckTimeout].
	AckTimeout time.Duration
	// Lease is how long one process may be the only one that calls the upstream
	// for a response. Default [DefaultLease].
	Lease time.Duration
	// MaxEntryBytes bounds an entry; a larger one is neither stored nor read.
	// Default [DefaultMaxEntryBytes].
	MaxEntryBytes int
	// MaxQueueBytes bounds the entries that wait to be stored. What is beyond is
	// not shared. Default [DefaultMaxQueueBytes].
	MaxQueueBytes int64
	// MaxPending bounds the tags that wait for Redis to be purged. Where there are
	// more, everything is. Default [DefaultMaxPending].
	MaxPending int
	// OnEvent, if set, is told what happens. It is called concurrently and must
	// not block.
	OnEvent func(cache.Event)
	// Logger is told of contact lost and found. Default: nobody is.
	Logger *slog.Logger
}

// The events that a [Remote] tells of, beside those of package cache.
const (
	EventOversized      cache.Event = "remote_oversized"            // an entry beyond MaxEntryBytes, in Redis or here
	EventMalformed      cache.Event = "remote_malformed"            // a value or message that is none of ours
	EventQueueFull      cache.Event = "remote_queue_full"           // an entry is not shared
	EventPut            cache.Event = "remote_put"                  // an entry was stored
	EventPutFailed      cache.Event = "remote_put_failed"           // an entry could not be stored
	EventPurged         cache.Event = "remote_purged"               // a purge was delivered to all
	EventUnacknowledged cache.Event = "remote_purge_unacknowledged" // not all acknowledged it in time
	EventPending        cache.Event = "remote_purge_kept"           // it could not be delivered now
	EventOverflow       cache.Event = "remote_purge_overflow"       // too many are pending: everything will be purged
	EventAckDropped     cache.Event = "remote_ack_dropped"          // more purges came than could be acknowledged
	EventContact        cache.Event = "remote_contact"              // with Redis
	EventLost           cache.Event = "remote_contact_lost"         // with Redis
	EventRenewed        cache.Event = "remote_renewed"              // another server process: everything is void
	EventSilent         cache.Event = "remote_silent"               // a process that may write cannot be heard
	EventForgotten      cache.Event = "remote_forgotten"            // one counts no more: everything is void
	EventPurgeLost      cache.Event = "remote_purge_lost"           // it could not be delivered before the end
)

// Remote is a cache.Remote over Redis, of one Store in one process. It owns its
// goroutines from Attach until Close.
type Remote struct {
	opts    Options
	keys    keys
	id      processID
	level   cache.Level
	trust   trust
	members membership
	link    atomic.Pointer[link] // nil: no contact
	away    atomic.Bool          // a purge could not be sent since the last proof
	epoch   atomic.Pointer[string]
	pending pending
	wake    chan struct{} // something is pending to deliver
	acks    acks
	owed    chan ack
	queue   queue

	closing  atomic.Bool
	parting  chan struct{} // closed when this process may leave the fleet
	parted   chan struct{} // closed when it has
	mu       sync.Mutex    // attached and cancel, and the order of Attach and Close
	attached bool
	cancel   context.CancelFunc
	work     sync.WaitGroup
}

var _ cache.Remote = (*Remote)(nil)

// processID tells the processes of a fleet apart.
type processID [16]byte

func (id processID) String() string { return hex.EncodeToString(id[:]) }

// New returns a Remote to be given to cache.NewStore, or an error that names
// every option that is out of its bounds. It asks Redis for nothing yet.
func New(opts Options) (*Remote, error) {
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, fmt.Errorf("rediscache: %w", err)
	}
	r := &Remote{
		opts: opts,
		keys: newKeys(opts.Client.Prefix()),
		wake: make(chan struct{}, 1), parting: make(chan struct{}), parted: make(chan struct{}),
		owed: make(chan ack, mostOwedAcks),
	}
	_, _ = rand.Read(r.id[:]) // it never fails
	r.trust.bound, r.trust.settle, r.acks.bound = r.lease(), opts.Bound, opts.Bound
	r.members.own = memberOf(opts.Name, r.id)
	r.pending.limit = opts.MaxPending
	r.queue.init(opts.MaxQueueBytes)
	return r, nil
}

func (o Options) withDefaults() Options {
	o.Bound = cmp.Or(o.Bound, DefaultBound)
	o.ForgetAfter = cmp.Or(o.ForgetAfter, max(DefaultForgetAfter, o.Bound))
	o.AckTimeout = cmp.Or(o.AckTimeout, DefaultAckTimeout)
	o.Lease = cmp.Or(o.Lease, DefaultLease)
	o.MaxEntryBytes = cmp.Or(o.MaxEntryBytes, DefaultMaxEntryBytes)
	o.MaxQueueBytes = cmp.Or(o.MaxQueueBytes, DefaultMaxQueueBytes)
	o.MaxPending = cmp.Or(o.MaxPending, DefaultMaxPending)
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	return o
}

const (
	shortestBound = 100 * time.Millisecond
	longest       = time.Minute
	longestMemory = 24 * time.Hour
)

func (o Options) validate() error {
	var errs []error
	within := func(name string, v, least, most time.Duration) {
		if v < least || v > most {
			errs = append(errs, fmt.Errorf("%s of %v is not within %v and %v", name, v, least, most))
		}
	}
	if o.Client == nil {
		errs = append(errs, errors.New("no Client"))
	}
	within("Bound", o.Bound, shortestBound, longest)
	within("ForgetAfter", o.ForgetAfter, o.Bound, longestMemory)
	within("AckTimeout", o.AckTimeout, time.Millisecond, longest)
	within("Lease", o.Lease, time.Millisecond, longest)
	if o.MaxEntryBytes < 0 || o.MaxQueueBytes < 0 || o.MaxPending < 0 {
		errs = append(errs, errors.New("a bound is negative"))
	}
	return errors.Join(errs...)
}

// Attach starts to purge the level by what the other processes say. It returns
// an error if the Remote has a level already or is closed.
func (r *Remote) Attach(level cache.Level) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.attached || r.closing.Load() {
		return errors.New("rediscache: a Remote serves one Store, and none after Close")
	}
	r.attached, r.level = true, level
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.work.Go(func() { r.stayInContact(ctx) })
	r.work.Go(func() { r.acknowledge(ctx) })
	for range writers {
		r.work.Go(func() { r.write(ctx) })
	}
	return nil
}

// Close delivers what is pending, as far as a bound allows, ends the subscription
// and all goroutines; entries that wait to be stored are dropped. The Store goes on
// without level 2: what is tagged is not served from memory any more. Who closes
// serves no more writes. Closing again has no effect.
func (r *Remote) Close() {
	r.mu.Lock()
	first := !r.closing.Swap(true)
	cancel := r.cancel
	r.mu.Unlock()
	if cancel != nil && first {
		r.part()
		cancel()
	}
	r.work.Wait()
}

// Trusted implements cache.Remote. It neither waits nor allocates.
func (r *Remote) Trusted(now time.Time) bool {
	return r.trust.holds(now) && r.pending.empty()
}

// Bound implements cache.Remote.
func (r *Remote) Bound() time.Duration { return r.opts.Bound }

// Oldest implements cache.Remote. It neither waits nor allocates.
func (r *Remote) Oldest(now time.Time) time.Time {
	if r.trust.silent() {
		return now.Add(-r.opts.Bound)
	}
	return time.Time{}
}

// tell reports an event.
func (r *Remote) tell(event cache.Event) {
	if r.opts.OnEvent != nil {
		r.opts.OnEvent(event)
	}
}
