// Package policy holds the effective policy of an RPC as plain values.
//
// Generated code writes them as literals, the plugin and the gateway check them
// with the same [Method.Validate], and each policy package takes its own block.
// What each field means, its unit, default and limits stand in the schema,
// proto/venta/policy/v1/policy.proto; here every default is already filled in.
//
// All values are immutable once built and safe for concurrent use.
package policy

import (
	"time"

	"google.golang.org/grpc/codes"
)

// Method is the effective policy of one RPC. A nil block is not in force. A
// block with Shadow set counts what it would have done and neither refuses nor
// changes anything.
type Method struct {
	Timeout        *Timeout
	Retry          *Retry
	Hedge          *Hedge
	CircuitBreaker *CircuitBreaker
	RateLimits     []RateLimit
	Cache          *Cache
	Invalidates    *Invalidates
	Concurrency    *Concurrency
	Auth           *Auth
	Version        *Version
	Objective      *Objective
	Limits         *Limits
	Response       *Response
	Forward        *Forward
	Etag           *Etag
	Stream         *Stream
	Webhook        *Webhook
}

// Timeout bounds a whole call, all attempts included, or a stream.
type Timeout struct {
	Duration time.Duration // 0: a stream may last for ever
	Idle     time.Duration // of a stream, between messages; 0 for a unary call
	Shadow   bool
}

// Retry repeats failed calls (gRFC A6).
type Retry struct {
	MaxAttempts          int // the first included
	InitialBackoff       time.Duration
	MaxBackoff           time.Duration
	BackoffMultiplier    float64
	RetryableStatusCodes []codes.Code
	PerAttemptTimeout    time.Duration // 0: the time that the call has left
	Budget               RetryBudget
	Shadow               bool
}

// Hedge races a slow attempt by further ones (gRFC A6).
type Hedge struct {
	Delay               time.Duration // 0: all attempts at once
	MaxAttempts         int           // the first included
	NonFatalStatusCodes []codes.Code
	Budget              RetryBudget
	Shadow              bool
}

// RetryBudget bounds retries and hedges to a share of live traffic.
type RetryBudget struct {
	Percent      int
	MinPerSecond int
}

// CircuitBreaker stops calls to a failing upstream.
type CircuitBreaker struct {
	ErrorThresholdPercent    int
	Window                   time.Duration
	MinimumCalls             int
	OpenDuration             time.Duration
	MaxOpenDuration          time.Duration // 0: OpenDuration does not grow
	HalfOpenCalls            int
	SlowCallDuration         time.Duration // 0: calls are never slow
	SlowCallThresholdPercent int           // 0 with SlowCallDuration 0
	FailureStatusCodes       []codes.Code
	Scope                    BreakerScope
	Shadow                   bool
}

// BreakerScope says what shares one breaker.
type BreakerScope int

// The scopes of a circuit breaker.
const (
	BreakerPerMethod BreakerScope = iota
	BreakerPerService
	BreakerPerEndpoint
)

// RateLimit admits a number of requests in an interval for each key.
type RateLimit struct {
	Name     string
	Requests int64
	Interval time.Duration
	Burst    int64
	Key      RateLimitKey
	Cost     RateLimitCost
	Tiers    []RateLimitTier
	// Shared counts in the fleet's store, where else each process counts alone.
	Shared bool
	// OnStoreFailure says what happens while that store is out of reach.
	OnStoreFailure StoreFailure
	// Lease is how many units a process takes from the shared count at once. 0
	// and 1: each request takes its own.
	Lease int64
	// Group names what shares the count, within GroupScope. Empty: the RPC alone.
	Group      string
	GroupScope GroupScope
	Shadow     bool
}

// GroupScope says how far a group of limits reaches.
type GroupScope int

// The scopes of a group.
const (
	GroupPerService GroupScope = iota
	GroupPerFile
	GroupPerGateway
)

// RateLimitTier is another rate for principals whose token has Claim with Value.
type RateLimitTier struct {
	Claim    string
	Value    string
	Requests int64
	Burst    int64
}

// StoreFailure says what a shared limit does while its store is out of reach.
type StoreFailure int

// The choices of a shared limit.
const (
	FailureUnset StoreFailure = iota // of a limit that is not shared
	FailureAllow
	FailureDeny
	FailureLocal
)

// RateLimitKey says what a limit counts apart. Header and Field are set with
// KeyHeader and KeyField alone.
type RateLimitKey struct {
	Source RateLimitSource
	Header string // canonical form
	Field  string // path in the request message
}

// RateLimitSource is where a limit's key comes from.
type RateLimitSource int

// The sources of a limit's key.
const (
	KeyGlobal RateLimitSource = iota
	KeyClientIP
	KeyPrincipal
	KeyHeader
	KeyField
	KeyAPIKey
)

// RateLimitCost is what one request costs: Units, or the value of Field where
// that is set.
type RateLimitCost struct {
	Units int64
	Field string // path in the request message
}

// Cache stores successful responses (RFC 9111).
type Cache struct {
	TTL                  time.Duration
	StaleWhileRevalidate time.Duration // 0: a stale response is revalidated first
	StaleIfError         time.Duration // 0: a failure is returned as it is
	NegativeTTL          time.Duration // 0: NOT_FOUND is not remembered
	KeyFields            []string      // empty: the whole request
	VaryHeaders          []string      // canonical form
	Audience             Audience
	Tags                 []string
	Shadow               bool
}

// Audience says who shares a stored response.
type Audience int

// The audiences of a stored response.
const (
	AudiencePublic Audience = iota
	AudiencePrincipal
)

// Invalidates purges stored responses after a call that may have changed something.
type Invalidates struct {
	Tags   []string
	Shadow bool
}

// Concurrency bounds the calls in flight.
type Concurrency struct {
	MaxInFlight int
	Adaptive    bool // between 1 and MaxInFlight
	MaxQueue    int
	Criticality Criticality
	// PerService shares bound and queue among the service's RPCs that say so,
	// where else each RPC has its own.
	PerService bool
	Shadow     bool
}

// Criticality says what is shed first under overload, as request metadata
// writes it.
type Criticality string

// The criticalities, from what is shed last.
const (
	CriticalityCritical  Criticality = "critical"
	CriticalityDefault   Criticality = ""
	CriticalitySheddable Criticality = "sheddable"
)

// Auth says who may call.
type Auth struct {
	Requirement Requirement
	Scopes      []string // all of them
	Roles       []string // one of them
	Schemes     []Scheme // empty: SchemeBearer
	Shadow      bool
}

// Scheme is a kind of credentials.
type Scheme int

// The schemes of [Auth].
const (
	SchemeBearer Scheme = iota
	SchemeAPIKey
)

// Requirement says whether credentials are needed.
type Requirement int

// The requirements of [Auth].
const (
	AuthNone Requirement = iota
	AuthOptional
	AuthRequired
)

// Version is where an RPC stands in the life of its API version.
type Version struct {
	Deprecated  time.Time
	Sunset      time.Time // zero: not decided
	AfterSunset AfterSunset
	Successor   string // a URL, or a path with the route's variables
	Link        string
	Shadow      bool
}

// AfterSunset says what happens after the sunset.
type AfterSunset int

// The choices after the sunset.
const (
	ServeAfterSunset AfterSunset = iota
	GoneAfterSunset
)

// Objective is what an RPC promises. Alerts and dashboards follow from it, and
// histograms have a bucket at its latency; it changes no request.
type Objective struct {
	Latency      time.Duration // 0: none is promised
	Percentile   float64       // of Latency, such as 99.9; 0 without it
	ErrorPercent float64       // 0: no share is promised
	Window       time.Duration
	Shadow       bool // its alerts page nobody
}

// Limits bounds message sizes. Zero leaves the gateway's own bound in force.
type Limits struct {
	MaxRequestBytes  int64
	MaxResponseBytes int64
	Shadow           bool
}

// Etag names the field that is the version of what an RPC reads or changes: of the
// response where it only reads, else of the request.
type Etag struct {
	Field  string // path of a string
	Shadow bool
}

// Response says how a successful response is presented over HTTP.
type Response struct {
	Status   int    // 0: 200
	Location string // with response fields in braces
	OmitNull bool
}

// Forward names the client's headers that the upstream may see.
type Forward struct {
	Headers []string // canonical form
}

// Stream offers a streaming RPC as server-sent events and over WebSocket.
type Stream struct {
	Path            string // of WebSockets; "": there are none
	TicketPath      string // "": nobody gets a ticket
	Heartbeat       time.Duration
	ResumeField     string // path in the request; "": a client begins anew
	IDField         string // path in the response; set with ResumeField
	EventField      string // path in the response; "": events have no name
	Retry           time.Duration
	SlowConsumer    SlowConsumer
	BufferBytes     int64
	MaxPerPrincipal int
	MaxPerAddress   int

	// Of WebSockets; zero without Path.
	MaxMessageBytes   int64
	MaxReceivedBytes  int64 // 0: any number
	MessagesPerSecond int
	Compression       bool
}

// SlowConsumer says what happens to a client that reads too slowly.
type SlowConsumer int

// The choices for a slow client.
const (
	SlowWaits SlowConsumer = iota
	SlowDropsOldest
	SlowEnds
)

// Webhook names the sender whose deliveries an RPC takes.
type Webhook struct {
	Scheme     WebhookScheme
	Secret     string // its name in the configuration
	EventField string // path in the JSON body; empty: every delivery is the RPC's
	Event      string
	Header     string // canonical form, with WebhookSharedSecret alone
}

// WebhookScheme says how deliveries are signed.
type WebhookScheme int

// The schemes of [Webhook].
const (
	WebhookSvix WebhookScheme = iota
	WebhookStandard
	WebhookSharedSecret
)
