package telemetry

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/deadline"
	"github.com/venta-hq/venta/gateway/requestctx"
)

// facts are what the steps of a request tell of it for its line in the access log.
// The zero value is empty. It is safe for concurrent use.
type facts struct {
	mu sync.Mutex
	factsTold
}

// Caller is who a request was authenticated as.
type Caller struct{ Issuer, Subject string }

// failure is the error that a request, its call or its stream has ended with.
type failure struct {
	code   codes.Code // OK: there was none
	kind   string     // the reason of the gateway's own, else the code
	policy string     // the block that refused; "": none
}

// of returns the facts of the request that ctx belongs to; nil for what no client
// waits for.
func factsOf(ctx context.Context) *facts {
	q := FromContext(ctx)
	if q == nil || requestctx.CallsOf(ctx) == nil {
		return nil
	}
	return &q.facts
}

func (f *facts) set(change func(*facts)) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// CachedAs tells the request's line how the cache has served it, such as "hit".
func CachedAs(ctx context.Context, outcome string) {
	factsOf(ctx).set(func(f *facts) { f.cache = outcome })
}

// LimitedBy tells the request's line which rate limit has refused it.
func LimitedBy(ctx context.Context, limit string) {
	factsOf(ctx).set(func(f *facts) { f.limit = limit })
}

// Queued tells the request's line how long a call has waited before it was let in.
func Queued(ctx context.Context, waited time.Duration) {
	factsOf(ctx).set(func(f *facts) { f.queued += waited })
}

// Authenticated tells the request's line who has sent it.
func Authenticated(ctx context.Context, c Caller) {
	factsOf(ctx).set(func(f *facts) { f.caller = c })
}

// Failed tells the request's line the error that its client reads, the last of
// several. The error's text stays out: it may hold what the client or an upstream
// must not see in a log.
func Failed(ctx context.Context, err error) {
	if f := factsOf(ctx); f != nil && err != nil {
		failed := failureOf(err)
		f.set(func(f *facts) { f.failure = failed })
	}
}

// Panicked tells the request's line that a handler has panicked.
func Panicked(ctx context.Context) {
	factsOf(ctx).set(func(f *facts) { f.failure = failure{code: codes.Internal, kind: errorPanic} })
}

func failureOf(err error) failure {
	own := apierror.As(err)
	if own == nil {
		code := known(status.Code(err))
		return failure{code: code, kind: codeName(code)}
	}
	return failure{code: own.Code, kind: string(own.Reason), policy: blockOf(own)}
}

// Refusal returns the block of the policy that an error is the refusal of, and the
// reason that the client reads; "" where it is none.
func Refusal(err error) (block, reason string) {
	if own := apierror.As(err); own != nil {
		return blockOf(own), string(own.Reason)
	}
	return "", ""
}

// blockOf returns the block of the policy that an error of the gateway's own is the
// refusal of, or "".
func blockOf(own *apierror.Error) string {
	switch own.Reason {
	case apierror.RateLimited, apierror.LimitsUnavailable:
		return "rate_limits"
	case apierror.CredentialsMissing, apierror.CredentialsInvalid, apierror.PermissionDenied:
		return "auth"
	case apierror.CircuitOpen:
		return "circuit_breaker"
	case apierror.Overloaded:
		return "concurrency"
	case apierror.RequestTooLarge, apierror.ResponseTooLarge:
		return "limits"
	case apierror.VersionGone:
		return "version"
	case apierror.PreconditionFailed, apierror.PreconditionUnsupported:
		return "etag"
	}
	if errors.Is(own, deadline.ErrPolicy) {
		return "timeout" // its own bound, not what the upstream says
	}
	return ""
}

// factsTold are the facts at the end of a request.
type factsTold struct {
	cache   string // its outcome
	limit   string // the rate limit that has refused
	queued  time.Duration
	failure failure
	caller  Caller
}

// told returns what was told until now.
func (f *facts) told() factsTold {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.factsTold
}
