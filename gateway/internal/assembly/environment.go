package assembly

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/rs/cors"
	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/apiversion"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/auth/identity"
	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/clientip"
	"github.com/venta-hq/venta/gateway/ratelimit"
	"github.com/venta-hq/venta/gateway/stream"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/webhook"
)

// Environment is what stacks are built from and run in. It lives as long as the
// place that serves them and is not changed; what a stack remembers is no part of
// it, but of a [Generation].
type Environment struct {
	Logger *slog.Logger
	// Telemetry has no metrics where nobody takes them: they then count nothing.
	Telemetry telemetry.Options
	// ObserveCalls tells that somebody wants to know of calls to upstreams.
	ObserveCalls bool

	// Forward are the headers of clients that travel on every RPC.
	Forward []string
	// Verifier and APIKeys are nil where no RPC may look at credentials.
	Verifier auth.Verifier
	APIKeys  auth.KeyVerifier
	// Webhooks are the secrets that deliveries are verified with. Nil: there are none.
	Webhooks *webhook.Secrets
	// Elsewhere serves a delivery that was verified by the RPC of its path, such as
	// "POST /hooks", that takes the event, and reports whether there is one.
	Elsewhere func(path string, w http.ResponseWriter, r *http.Request, event string) bool
	// Identity tells upstreams who the caller is. Nil: nobody does.
	Identity *identity.Writer
	// Store keeps responses. It is nil where no RPC has a policy.
	Store *cache.Store
	// FleetStore tells that Store shares its responses with a fleet.
	FleetStore bool
	RateLimits RateLimits
	// Callers counts who calls what is deprecated. Nil: nobody does.
	Callers *apiversion.Callers
	// Live is what may change while requests are served.
	Live *atomic.Pointer[Live]
	// Compress is nil where responses stay plain.
	Compress Step
	// Streams ends all streams when it ends.
	Streams context.Context
	// OpenStreams bounds those of RPCs with a stream block.
	OpenStreams *stream.Total
	// Tickets keeps those of WebSockets.
	Tickets stream.TicketStore

	// The program's own steps, at the places that their names tell.
	BeforeRouting, BeforeAuth, AfterAuth Step
	AroundCall, AroundAttempt            grpc.UnaryClientInterceptor
	AroundStream, AroundStreamAttempt    grpc.StreamClientInterceptor

	Edge Edge
}

// Step is a step in front of the edge. A nil one is absent.
type Step = func(http.Handler) http.Handler

// RateLimits says where limits are counted.
type RateLimits struct {
	Memory *ratelimit.Memory
	Store  ratelimit.Store // nil: there is none to share limits by
	Alone  bool            // this process is all that share them
	Start  time.Time       // when the time of all limits begins
}

// Live is an immutable snapshot of what may change.
type Live struct {
	ClientIP *clientip.Extractor
	CORS     *cors.Cors // nil: browsers keep foreign scripts out
	Fields   ratelimit.FieldStyle
	Access   *telemetry.AccessLog
}

// Edge says how requests become calls and responses.
type Edge struct {
	Mux *runtime.ServeMux
	// DropIn reads requests as grpc-gateway does, from a mux of the program's own;
	// Context is the one of registration.
	DropIn  bool
	Context context.Context
	// Plain says that the mux has nothing of a program's own to add to requests
	// and responses.
	Plain bool
	// PassThrough lets responses go from wire to JSON without a message, which an
	// interceptor of the program's own would miss.
	PassThrough bool
	// PassThroughStreams is the same of streams.
	PassThroughStreams bool
	// Validate checks messages before the call. Nil: they are not checked.
	Validate grpc.UnaryClientInterceptor
	// ExposeErrors hands an upstream's errors on as they are.
	ExposeErrors bool
	// IgnoreUnknownQuery passes over query parameters that name no field.
	IgnoreUnknownQuery bool
	// The bounds of messages whose RPC has none of its own. 0: there is none.
	MaxRequestBytes, MaxResponseBytes int64
}
