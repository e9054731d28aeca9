package cache

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// The defaults of [Options].
const (
	DefaultMaxBytes      = 64 << 20
	DefaultMaxEntryBytes = 1 << 20
	DefaultMaxVariants   = 16
	DefaultTagCounters   = 1 << 16
)

// The defaults of [Options] that bound what requests and responses bring.
const (
	DefaultMaxKeyBytes    = 8 << 10
	DefaultMaxTags        = 64
	DefaultMaxTagBytes    = 1 << 10
	DefaultMaxHeaderBytes = 32 << 10
)

// The defaults of [Options] for what happens in the background and in level 2.
const (
	DefaultMaxRefreshes   = 64
	DefaultRefreshTimeout = 30 * time.Second
	DefaultRefreshPause   = time.Second
	DefaultJitter         = 0.05
	DefaultMaxRemoteWait  = time.Second
)

// Options bounds a [Store]. A zero field takes its default.
type Options struct {
	// MaxBytes bounds what is stored: bodies, header fields, keys and an
	// estimate of what holds them together. Default [DefaultMaxBytes].
	MaxBytes int64
	// MaxEntryBytes bounds one stored response in the same way. A larger one
	// streams through unstored. Default [DefaultMaxEntryBytes].
	MaxEntryBytes int64
	// MaxVariants bounds the responses under one key that differ by request header
	// fields; the oldest gives way. Default [DefaultMaxVariants].
	MaxVariants int
	// TagCounters is how many counters the tags share, 8 bytes each. Default
	// [DefaultTagCounters].
	TagCounters int
	// Remote is level 2, for this Store alone; the caller closes it, after the
	// Store. It gets all that is stored, so with an audience of principals users'
	// data, but no errors that are written anew for each request. Default nil:
	// there is none, and purges reach this Store only.
	Remote Remote
	// CallsReported says that the handlers behind the store tell by [BeginWrite] of
	// each write that an upstream is asked for, and by [FromUpstream] that an upstream has
	// responded to a read. A response that is an error then purges only what a write may
	// have changed, and takes the place of what is stored only where it is the upstream's,
	// whatever its status. Default false: the status alone tells.
	CallsReported bool
	// MaxRemoteWait bounds how long a request waits for another process that
	// fetches the same response, before it fetches it, too. Default
	// [DefaultMaxRemoteWait].
	MaxRemoteWait time.Duration
	// MaxKeyBytes bounds what a response is stored under: host, principal, the
	// rule's key and what it says is forwarded together, and apart from them the header fields that it varies
	// on. What has more passes the cache by. Default [DefaultMaxKeyBytes].
	MaxKeyBytes int64
	// MaxTags and MaxTagBytes bound the tags of a response and the length of one.
	// A request with more passes the cache by; a purge is not bounded. Default
	// [DefaultMaxTags] and [DefaultMaxTagBytes].
	MaxTags, MaxTagBytes int
	// MaxHeaderBytes bounds the header of a response that is stored. Default
	// [DefaultMaxHeaderBytes].
	MaxHeaderBytes int64
	// MaxRefreshes bounds the responses that are refreshed in the background at
	// the same time. A request that finds them all busy gets the stale response
	// and leaves the refresh to a later one. Default [DefaultMaxRefreshes].
	MaxRefreshes int
	// RefreshTimeout bounds one of them. Default [DefaultRefreshTimeout].
	RefreshTimeout time.Duration
	// RefreshPause is how long no other is begun after one has failed. Default
	// [DefaultRefreshPause].
	RefreshPause time.Duration
	// Jitter is the greatest share of its time left, below 1, by which a
	// response's lifetime is shortened, so that responses which were stored
	// together do not all expire together. No lifetime is ever lengthened;
	// Cache-Status shows the shortened one. Default 0: none. [DefaultJitter] is a
	// good value.
	Jitter float64
	// Random returns numbers in [0,1) for Jitter; it is called concurrently.
	// Default rand.Float64.
	Random func() float64
	// MaxURLBytes bounds what is remembered for [Rule].KeyFromURL, beside
	// MaxBytes. Default: a sixteenth of it.
	MaxURLBytes int64
	// Encoder compresses stored responses for the hits that want it. Default nil:
	// they are stored and served as they are.
	Encoder Encoder
	// Host returns the host that a request is for, in lower case: behind proxies that
	// are trusted it need not be the one that the request names. It tells responses
	// apart. Default: the request's own.
	Host func(*http.Request) string
	// OnPurge, where set, is asked before an operator's purge ([Store.PurgeHandler]). With
	// an error it is not done; the operator reads the error, with status 503.
	OnPurge func(*http.Request, Purge) error
	// Logger is told of panics in the background. Default slog.Default.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	orDefault(&o.MaxBytes, DefaultMaxBytes)
	orDefault(&o.MaxEntryBytes, min(DefaultMaxEntryBytes, o.MaxBytes))
	orDefault(&o.MaxURLBytes, max(o.MaxBytes/16, 1))
	orDefault(&o.MaxVariants, DefaultMaxVariants)
	if o.Random == nil {
		o.Random = rand.Float64
	}
	if o.Host == nil {
		o.Host = func(r *http.Request) string { return strings.ToLower(r.Host) }
	}
	orDefault(&o.Logger, slog.Default())
	orDefault(&o.TagCounters, DefaultTagCounters)
	orDefault(&o.MaxKeyBytes, DefaultMaxKeyBytes)
	orDefault(&o.MaxTags, DefaultMaxTags)
	orDefault(&o.MaxTagBytes, DefaultMaxTagBytes)
	orDefault(&o.MaxHeaderBytes, DefaultMaxHeaderBytes)
	orDefault(&o.MaxRefreshes, DefaultMaxRefreshes)
	orDefault(&o.MaxRemoteWait, DefaultMaxRemoteWait)
	orDefault(&o.RefreshTimeout, DefaultRefreshTimeout)
	orDefault(&o.RefreshPause, DefaultRefreshPause)
	return o
}

func orDefault[T comparable](value *T, or T) { *value = cmp.Or(*value, or) }

func (o Options) validate() error {
	var errs []error
	if min(o.MaxBytes, o.MaxEntryBytes, o.MaxKeyBytes, o.MaxHeaderBytes, o.MaxURLBytes) < 0 ||
		min(o.MaxVariants, o.TagCounters, o.MaxTags, o.MaxTagBytes, o.MaxRefreshes) < 0 ||
		min(o.RefreshTimeout, o.RefreshPause, o.MaxRemoteWait) < 0 {
		errs = append(errs, errors.New("a bound is negative"))
	}
	if !(o.Jitter >= 0 && o.Jitter < 1) {
		errs = append(errs, fmt.Errorf("a jitter of %v is not a share", o.Jitter))
	}
	if o.MaxEntryBytes > o.MaxBytes {
		errs = append(errs, fmt.Errorf("an entry of %d bytes does not fit into %d", o.MaxEntryBytes, o.MaxBytes))
	}
	if o.MaxVariants > 0 && o.MaxEntryBytes > math.MaxUint32/int64(o.MaxVariants) {
		errs = append(errs, fmt.Errorf("%d variants of %d bytes are 4 GiB or more", o.MaxVariants, o.MaxEntryBytes))
	}
	return errors.Join(errs...)
}

// tagsFit reports whether a response can be stored under the tags.
func (o *Options) tagsFit(tags []string) bool {
	if len(tags) > o.MaxTags {
		return false
	}
	for _, tag := range tags {
		if len(tag) > o.MaxTagBytes {
			return false
		}
	}
	return true
}
