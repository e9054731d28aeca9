// Package ratelimit admits a number of requests in an interval for each value
// of a key, by the generic cell rate algorithm (GCRA): exact, with a burst apart
// from the rate, and without windows that a client could straddle.
//
// # Memory and its error
//
// Local counts live in a [Memory], which bounds the bytes of all limits that share
// it. A key costs 40 to 80 bytes, whatever its length: it is kept as a fingerprint of
// 128 bits. Keys that owe nothing are forgotten first and lose nothing by it, and
// the memory that they had is given back within seconds.
//
// Where there is no room for a new key it takes the place of the one that owes least
// of 16, of 128 where none of those owes less than itself: that key may spend again
// what it owed. So a flood of keys displaces its own, and reaches one that is being
// refused only where nearly all that are remembered are refused, too. A request is
// never refused for want of memory, and none is left uncounted. Half of a Memory is
// shared out among its limits, and no flood of one displaces the keys of another in
// its part.
//
// # Shared counts
//
// A limit with Shared is counted in [Options.Store] by all processes together,
// by the store's clock. All shared limits of a request are decided in one round
// trip, and not at all where the outcome is known: a key that the store refused
// is not sent there again before its time, and none is for a request that a
// local limit refuses. In return, local limits are charged first and given back
// where a shared one refuses. Meanwhile they are held: another request may be
// refused for it, and a key that owed nothing keeps what it earns in that time,
// which is the longest that the store takes.
//
// # Leases
//
// A limit with a Lease of n takes n units at once where the shared count has
// them, and spends them without asking. They expire after the time in which n
// units are earned. A process holds at most n-1 units of a key, so that in any
// span of time all processes together admit at most what the limit says and n-1
// for each process, and up to n-1 units for each process are charged and never
// spent.
//
// # Groups
//
// Limits of several Limiters may have one count, a [Group]. A shared group has one
// key in the store for each key of its own, apart from the other limits of a
// request: the store decides it in a round trip of its own, after those others and
// not where one of them refuses. Where the group itself refuses, the others stay
// charged, and so does a group that was asked before. A process that remembers the
// refusal charges nothing for the next request.
//
// # When the store is out of reach
//
// Each limit does as its OnStoreFailure says: FailureAllow admits, FailureDeny
// refuses, FailureLocal counts in this process alone, as if it were the only
// one. The next request asks the store again; whether that takes time is the
// store's affair.
package ratelimit

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
)

// MaxLimits is the most limits that one request may be under.
const MaxLimits = policy.MaxRateLimits

// Options says how a [Limiter] reads requests and writes responses. The functions are
// called concurrently, and never under a lock.
type Options struct {
	// Memory bounds what is remembered, together with all Limiters that have it.
	// Default: one of [DefaultMaxBytes] for this Limiter alone.
	Memory *Memory
	// Key returns what a limit counts the request under. Required unless all
	// limits are global. An error refuses the request.
	Key func(r *http.Request, k policy.RateLimitKey) (string, error)
	// Cost returns the value of a request field. Required where a limit's cost
	// names a field. An error refuses the request.
	Cost func(r *http.Request, field string) (int64, error)
	// Claim returns the values of a claim of the request's principal: none
	// without the claim or without a principal. Required where a limit has tiers.
	Claim func(r *http.Request, name string) []string
	// Store keeps the counts of shared limits. Required where a limit is shared.
	Store Store
	// Scope tells these limits from others in the store, such as the RPC's full
	// name: Limiters with the same scope share the counts of limits with the same
	// name. Required where a limit is shared; 256 printable characters at most, no
	// braces.
	Scope string
	// Group, where set, returns the counts of a limit that it has together with
	// limits of other Limiters, and nil for one that counts alone.
	Group func(policy.RateLimit) *Group
	// Start is when time begins, the same for all Limiters that share a [Group].
	// Default: now.
	Start time.Time
	// Fields returns the form of the response's fields. It is called once for each
	// request, so that the form may change while requests are served. Default: it
	// is [FieldsDraft10].
	Fields func() FieldStyle
	// OnError writes the response to a request that is refused: an
	// *apierror.Error, or an error of Key or Cost. Required. Retry-After and the
	// RateLimit fields are already set.
	OnError func(w http.ResponseWriter, r *http.Request, err error)
	// OnDecision, if set, is told what each limit said of each request, limits in
	// shadow mode included.
	OnDecision func(r *http.Request, limit string, d Decision)
	// OnShadow, if set, is told "refuse" for each limit in shadow mode that would
	// have refused a request.
	OnShadow policy.ShadowFunc
	// OnStoreFailure, if set, is told of each limit of each request that was
	// decided without its store, and why. It is for counting: there may be many.
	OnStoreFailure func(ctx context.Context, limit string, err error)
}

// Charge is what one request asks of one limit.
type Charge struct {
	// Key is what the limit counts the request under: "" for a global limit. Shared
	// limits of one policy key must be given the same one.
	Key   string
	Units int64 // less than 1 counts as 1
	Tier  int   // 0: the limit itself, i: its i-th tier, counted from 1
}

// Limiter holds the counts of the limits that a request is under together. It
// is safe for concurrent use.
type Limiter struct {
	limits   []*limit
	order    []int // of the limits, in which their counts are locked
	local    set
	shared   set
	batches  []set // of the shared limits that the store decides together
	sameKey  bool  // all shared limits without a group have the same key
	opts     Options
	start    time.Time
	policies []string // the policy field where no tier applies
}

// New returns a Limiter for 1 to [MaxLimits] limits with different names. It
// returns an error that names every limit that cannot be kept, or the option
// that is missing.
func New(limits []policy.RateLimit, opts Options) (*Limiter, error) {
	if opts.Memory == nil {
		opts.Memory, _ = NewMemory(0) // the default is right
	}
	if opts.Start.IsZero() {
		opts.Start = time.Now()
	}
	if opts.Fields == nil {
		opts.Fields = func() FieldStyle { return FieldsDraft10 }
	}
	if err := validate(limits, opts); err != nil {
		return nil, fmt.Errorf("ratelimit: %w", err)
	}
	l := &Limiter{opts: opts, start: opts.Start, sameKey: sameKey(limits)}
	for i, each := range limits {
		counts, err := opts.limit(each)
		if err != nil {
			return nil, fmt.Errorf("ratelimit: %w", err)
		}
		l.limits = append(l.limits, counts)
		l.order = append(l.order, i)
		if each.Shared {
			l.shared.add(i)
		} else {
			l.local.add(i)
		}
	}
	slices.SortFunc(l.order, func(i, j int) int { return cmp.Compare(l.limits[i].order, l.limits[j].order) })
	l.batches = l.batch()
	l.policies = []string{l.policyField(make([]Charge, len(limits)))}
	return l, nil
}

// Decide charges a request to all limits, or to none if one of them refuses
// that is not in shadow mode: nothing else is decided on the same local keys
// meanwhile. charges holds one element for each limit in the order of New;
// decisions has room for as many and receives what each limit says. It reports
// whether the request is admitted. Without shared limits it needs no context and
// allocates only where new keys need more memory.
//
// Times before an earlier now earn nothing back.
func (l *Limiter) Decide(ctx context.Context, now time.Time, charges []Charge, decisions []Decision) bool {
	charges, decisions = charges[:len(l.limits)], decisions[:len(l.limits)]
	elapsed := now.Sub(l.start)
	if l.shared == 0 {
		return l.charge(l.local, true, elapsed, charges, decisions, nil)
	}
	// The admission goes to the heap. Its own copies leave the caller's on the stack.
	a := admission{Limiter: l, elapsed: elapsed, charges: slices.Clone(charges), decisions: make([]Decision, len(decisions))}
	admitted := a.decide(ctx)
	copy(decisions, a.decisions)
	return admitted
}

// set is a set of the limits' indexes.
type set uint8

func (s *set) add(i int) { *s |= 1 << i }

func (s *set) remove(i int) { *s &^= 1 << i }

func (s set) has(i int) bool { return s&(1<<i) != 0 }
