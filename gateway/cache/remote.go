package cache

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/memory"
)

// Remote is level 2: a store that several Stores share, and their bond: what one
// of them purges, all of them purge. Package rediscache has one over Redis.
//
// # What is promised
//
// A Stamp stands for the purges of some tags so far. An entry is stored with the
// stamp that was read before the upstream was called, and is found only while the
// stamp of the same tags is still that one. So a response that was read before a
// purge and arrives after it is never found, by anybody.
//
// Purge returns when every Store that is Trusted has purged, or when waiting for
// them has taken too long; Delivery says which. Whoever misses purges because it
// has lost contact stops being Trusted within a bound.
//
// The methods are called concurrently, and none waits without a bound of its
// own. Errors never reach a client: they cost a call of the upstream.
type Remote interface {
	// Attach is called once, by NewStore, before anything else.
	Attach(level Level) error
	// Trusted reports whether, at this time, the Store hears of every purge that is
	// told: it may use what the other methods bring.
	Trusted(now time.Time) bool
	// Oldest returns, for a Store that is Trusted, the time before which nothing that
	// is tagged may have been requested to be served now: a bound ago where another
	// Store may purge and cannot tell. Zero: every one can, and how old a response is
	// makes no difference.
	Oldest(now time.Time) time.Time
	// Bound is the longest that a Store serves what a write that was answered has
	// made old, where its purge cannot reach it.
	Bound() time.Duration
	// Load returns the entry under a key and the stamp of the tags now, in one
	// round trip where it can. An entry of another stamp is not found.
	Load(ctx context.Context, key RemoteKey, tags []TagID) (Loaded, error)
	// Lead applies for the fleet's only flight for a key and stamp.
	Lead(ctx context.Context, key RemoteKey, stamp Stamp) (Role, error)
	// Put hands over a response, or that there is none to share, and returns at
	// once. What it is given belongs to it.
	Put(p Put)
	// Purge purges everywhere before it returns, or says in Delivery how far it
	// came. What could not be delivered stays pending, and is delivered before
	// Trusted is true again.
	Purge(ctx context.Context, tags []TagID) Delivery
	// PurgeAll does the same for everything.
	PurgeAll(ctx context.Context) Delivery
}

// Level is what a Remote purges in the memory of its own process. Its methods
// are quick, never block and may be called concurrently.
type Level interface {
	// PurgeTags voids what is stored under the tags.
	PurgeTags(tags []TagID)
	// PurgeTagged voids all that is stored under any tag: purges may have been
	// missed.
	PurgeTagged()
	// PurgeAll voids everything.
	PurgeAll()
}

// TagID stands for a tag, so that no tag's text leaves the process.
type TagID [16]byte

// RemoteKey is the SHA-256 of all that tells entries apart, so that nothing of a
// request is in a key. The parts themselves are in the entry, and compared.
type RemoteKey [sha256.Size]byte

// Stamp is equal to another only if it is of the same tags and none of them was
// purged between the two.
type Stamp [16]byte

// Loaded is what Remote.Load found.
type Loaded struct {
	Entry []byte        // nil: none
	Left  time.Duration // until the entry is removed
	Stamp Stamp
}

// Put is what Remote.Put stores.
type Put struct {
	Key   RemoteKey
	Tags  []TagID
	Stamp Stamp // of before the upstream was called
	// Requested is when the upstream was called. Of two under one stamp the later
	// stays, in whatever order they come; so does the word that one was removed.
	Requested time.Time
	// Entry is nil where there is nothing to share: whoever waits calls the upstream itself.
	Entry []byte
	// Keep is how long the entry may be of use.
	Keep time.Duration
	// Leads says that Remote.Lead gave this caller the flight, which ends now.
	Leads bool
	// Remove removes what is stored under the key. Entry is nil then.
	Remove bool
}

// Role is what Remote.Lead decides.
type Role int

// The roles.
const (
	RoleAlone    Role = iota // call the upstream; others may, too
	RoleLeader               // call the upstream; others wait for the entry
	RoleFollower             // wait: another calls the upstream
)

// Delivery is how far a purge came.
type Delivery struct {
	// Processes is how many had to hear of it, this one included.
	Processes int `json:"processes"`
	// Acknowledged is how many of them said that they have purged.
	Acknowledged int `json:"acknowledged"`
	// Pending says that the purge could not be sent and will be when it can.
	Pending bool `json:"kept,omitempty"`
}

// Complete reports whether all have purged.
func (d Delivery) Complete() bool { return !d.Pending && d.Acknowledged >= d.Processes }

// level implements [Level] by the counters of this process.
type level struct{ tags *memory.Generations }

func (l level) PurgeTags(tags []TagID) {
	for _, tag := range tags {
		l.tags.Purge(memory.TagID(tag))
	}
}

func (l level) PurgeTagged() { l.tags.PurgeTagged() }

func (l level) PurgeAll() { l.tags.PurgeAll() }

func tagIDs(tags []string) []TagID {
	if len(tags) == 0 {
		return nil
	}
	ids := make([]TagID, len(tags))
	for i, tag := range tags {
		ids[i] = TagID(memory.IDOf(tag))
	}
	return ids
}
