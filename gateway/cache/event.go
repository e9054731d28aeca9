package cache

// Outcome is how a request was served.
type Outcome string

// The outcomes. Those for which the upstream was called are Miss, Bypass and, but
// for requests that shared the failure of another, Stale.
const (
	Hit       Outcome = "hit"       // a stored response
	Collapsed Outcome = "collapsed" // the response to another request that was under way
	Miss      Outcome = "miss"
	Bypass    Outcome = "bypass"
	Stale     Outcome = "stale"      // a stored response in place of the upstream's failure
	RemoteHit Outcome = "remote_hit" // a response of level 2
	StaleHit  Outcome = "stale_hit"  // a stored response that is refreshed in the background, or that the client takes stale
	Refused   Outcome = "refused"    // not served by a handler: only-if-cached, or an error
)

// Event is something about the cache itself that an operator wants to count.
type Event string

// The events. Those that end in "TooLarge" pass the cache by, or leave a response
// unstored, for a bound of [Options].
const (
	KeyTooLarge      Event = "key_too_large"    // MaxKeyBytes
	TagsTooLarge     Event = "tags_too_large"   // MaxTags, MaxTagBytes
	ResponseTooLarge Event = "answer_too_large" // MaxEntryBytes
	HeaderTooLarge   Event = "header_too_large" // MaxHeaderBytes
	VaryTooLarge     Event = "vary_too_large"   // MaxKeyBytes: what the response varies on
	Refreshed        Event = "refreshed"        // in the background
	RefreshFailed    Event = "refresh_failed"   // in the background; the stale response stays
	RefreshSkipped   Event = "refresh_skipped"  // MaxRefreshes
	RefreshPanic     Event = "refresh_panicked" // in the background; logged
	Encoded          Event = "encoded"          // a stored response, for the first hit that asked for it
	EncodingFailed   Event = "encoding_failed"  // it is served as it is
)

// The events of level 2. A Remote may tell of more by itself.
const (
	RemoteMiss      Event = "remote_miss"
	RemoteUntrusted Event = "remote_untrusted" // passed by, as is what is tagged in level 1
	RemoteFailed    Event = "remote_failed"    // the level does not respond, or not in time
	RemoteCorrupt   Event = "remote_corrupt"   // no entry of this version, or a damaged one
	RemoteForeign   Event = "remote_foreign"   // an entry of another key
	RemoteLed       Event = "remote_led"       // the fleet's flight
	RemoteGaveUp    Event = "remote_gave_up"   // waiting for the flight of another process
)
