package redis

import (
	"crypto/tls"
	"errors"
	"strings"

	"github.com/redis/rueidis"
)

// ErrUnavailable is wrapped by every error that means that the store cannot
// serve now: it was given up, did not reply in time, or replied that it
// cannot serve.
var ErrUnavailable = errors.New("redis is not available")

// ErrClosed is wrapped, beside [ErrUnavailable], by the errors of a closed Client.
var ErrClosed = errors.New("the client is closed")

var (
	errTimeout = errors.New("no reply in time")
	errGivenUp = errors.New("given up until it replies to a probe")
	errNever   = errors.New("not connected yet")
	errSpent   = errors.New("the request has waited long enough")
)

// unavailable wraps a cause in ErrUnavailable.
type unavailable struct{ cause error }

func (e *unavailable) Error() string { return ErrUnavailable.Error() + ": " + e.cause.Error() }

func (e *unavailable) Unwrap() []error { return []error{ErrUnavailable, e.cause} }

// fault is a refusal that trying again does not help.
type fault struct{ cause error }

func (e *fault) Error() string { return e.cause.Error() }

func (e *fault) Unwrap() error { return e.cause }

// transient begin the replies of a server that cannot serve now and may later.
var transient = []string{"LOADING", "CLUSTERDOWN", "MASTERDOWN", "READONLY", "BUSY", "OOM", "MISCONF", "NOREPLICAS", "TRYAGAIN", "UNBLOCKED"}

// refusing begin the replies of a server that serves others and not us.
var refusing = []string{"NOAUTH", "WRONGPASS", "NOPERM"}

// failed reports whether an error tells of the store's trouble, rather than of
// the command that it replied to.
func failed(err error) bool {
	if err == nil || rueidis.IsRedisNil(err) || rueidis.IsParseErr(err) {
		return false
	}
	reply, ok := rueidis.IsRedisErr(err)
	return !ok || begins(reply.Error(), transient) || begins(reply.Error(), refusing)
}

// isFault reports whether no later attempt can succeed: the server replied, or
// showed its certificate, and it is not the one that the options mean.
func isFault(err error) bool {
	var own *fault
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &own) || errors.As(err, &certificate) {
		return true
	}
	var reply *rueidis.RedisError
	return errors.As(err, &reply) && !reply.IsNil() && !begins(reply.Error(), transient)
}

func begins(text string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}
