// Package ratelimit admits a number of requests in an interval for each value
// of a key, by the generic cell rate algorithm (GCRA): exact, with a burst apart
// from the rate, and without windows that a client could straddle.
//
// # Memory and its error
//
// Counts live in memory. A [Limiter] remembers at most [Options.MaxKeys] keys,
// each in about 150 bytes and the key itself (256 bytes at most). Keys that owe
// nothing are forgotten first and lose nothing by it. Where every remembered
// key owes something, a new one displaces the one that owes least: that key may
// spend again what it owed, and no key that owes more is touched. So a flood of
// new keys resets a hot key only once every key of its shard is as hot. A
// request is never refused for want of memory. Every limit has a table of its
// own, so that flooding one cannot displace the keys of another.
package ratelimit

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
)

// MaxLimits is the most limits that one request may be under.
const MaxLimits = 8

// MaxKeyBytes is the longest key that is kept as it is. A longer one is
// replaced by its SHA-256, salted for each Limiter so that nobody can name a
// short key that meets it.
const MaxKeyBytes = 256

// DefaultMaxKeys is how many keys a Limiter remembers by default.
const DefaultMaxKeys = 1 << 20

// Options says how a [Limiter] reads requests and answers. The functions are
// called concurrently.
type Options struct {
	// MaxKeys is the most keys remembered, all limits together; each limit that
	// is not global has an equal share. Default [DefaultMaxKeys].
	MaxKeys int
	// Key returns what a limit counts the request under. Required unless all
	// limits are global. An error refuses the request.
	Key func(r *http.Request, k policy.RateLimitKey) (string, error)
	// Cost returns the value of a request field. Required where a limit's cost
	// names a field. An error refuses the request.
	Cost func(r *http.Request, field string) (int64, error)
	// OnError writes the answer to a request that is refused: an
	// *apierror.Error, or an error of Key or Cost. Required. Retry-After and the
	// RateLimit fields are already set.
	OnError func(w http.ResponseWriter, r *http.Request, err error)
	// Observe, if set, is told what each limit said of each request.
	Observe func(r *http.Request, limit string, d Decision)
}

// Charge is what one request asks of one limit.
type Charge struct {
	Key   string
	Units int64 // less than 1 counts as 1
}

// Limiter holds the counts of the limits that a request is under together. It
// is safe for concurrent use.
type Limiter struct {
	limits   []limit
	opts     Options
	start    time.Time
	salt     [sha256.Size]byte
	policies string // the RateLimit-Policy field
}

type limit struct {
	policy.RateLimit
	quota quota
	table *table
}

// New returns a Limiter for 1 to [MaxLimits] limits with different names. It
// returns an error that names every limit that cannot be kept, or the option
// that is missing.
func New(limits []policy.RateLimit, opts Options) (*Limiter, error) {
	if opts.MaxKeys == 0 {
		opts.MaxKeys = DefaultMaxKeys
	}
	if err := validate(limits, opts); err != nil {
		return nil, fmt.Errorf("ratelimit: %w", err)
	}
	l := &Limiter{opts: opts, start: time.Now(), policies: policyField(limits)}
	if _, err := rand.Read(l.salt[:]); err != nil {
		return nil, fmt.Errorf("ratelimit: %w", err)
	}
	share := opts.MaxKeys / max(keyed(limits), 1)
	for _, each := range limits {
		keys := share
		if each.Key.Source == policy.KeyGlobal {
			keys = 1
		}
		l.limits = append(l.limits, limit{each, newQuota(each), newTable(keys)})
	}
	return l, nil
}

func keyed(limits []policy.RateLimit) int {
	n := 0
	for _, each := range limits {
		if each.Key.Source != policy.KeyGlobal {
			n++
		}
	}
	return n
}

// Decide charges a request to all limits, or to none if one of them refuses:
// nothing else is decided on the same keys meanwhile. charges holds one element
// for each limit in the order of New; decisions has room for as many and
// receives what each limit says. It reports whether the request is admitted,
// and allocates only to remember a new key or to hash one over [MaxKeyBytes].
//
// Times before an earlier now earn nothing back.
func (l *Limiter) Decide(now time.Time, charges []Charge, decisions []Decision) bool {
	charges, decisions = charges[:len(l.limits)], decisions[:len(l.limits)]
	var asked [MaxLimits]ask
	elapsed := now.Sub(l.start)
	admitted := true
	// One shard of each limit's table, always in the order of the limits.
	for i := range charges {
		asked[i] = l.ask(&l.limits[i], elapsed, charges[i])
		admitted = admitted && asked[i].covered
	}
	for i := range charges {
		decisions[i] = asked[i].answer(admitted)
		asked[i].shard.mu.Unlock()
	}
	return admitted
}

// ask is a charge under way; its shard is locked.
type ask struct {
	quota   *quota
	shard   *shard
	key     string
	known   *entry // nil for a new key
	units   int64
	now     wide
	tat     wide
	next    wide
	covered bool
}

func (l *Limiter) ask(limit *limit, elapsed time.Duration, c Charge) ask {
	a := ask{quota: &limit.quota, key: l.fold(c.Key), units: max(c.Units, 1), now: limit.quota.ticks(elapsed)}
	a.shard = limit.table.shard(a.key)
	a.shard.mu.Lock()
	if a.known = a.shard.entries[a.key]; a.known != nil {
		a.tat = a.known.tat
	}
	a.next, a.covered = a.quota.charge(a.now, a.tat, a.units)
	return a
}

// answer charges if the request is admitted, and says where the key stands.
func (a *ask) answer(admitted bool) Decision {
	switch {
	case !a.covered:
		return a.quota.refuse(a.now, a.tat, a.next, a.units)
	case !admitted:
		return a.quota.describe(a.now, a.tat)
	case a.known != nil:
		a.known.tat = a.next
	default:
		a.shard.insert(a.key, a.next, a.now)
	}
	return a.quota.describe(a.now, a.next)
}

// fold bounds the length of a key.
func (l *Limiter) fold(key string) string {
	if len(key) <= MaxKeyBytes {
		return key
	}
	sum := sha256.Sum256(append(l.salt[:], key...))
	return string(sum[:])
}
