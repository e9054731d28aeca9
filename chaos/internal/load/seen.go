package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// Sample is one request and its response.
type Sample struct {
	Name string
	// At is when the request was meant to be sent, since the load began.
	At time.Duration
	// Took is how long after that the response was complete.
	Took time.Duration
	// Status is the response's; 0 where there was none.
	Status int
	// Reason is the response's google.rpc.ErrorInfo reason, or "".
	Reason string
	// Failure is why there was no response.
	Failure string
}

// OK reports whether the request succeeded.
func (s Sample) OK() bool { return s.Status >= 200 && s.Status < 300 }

// Outcome names what the client saw, such as "200" or "503 CIRCUIT_OPEN".
func (s Sample) Outcome() string {
	switch {
	case s.Status == 0:
		return s.Failure
	case s.Reason != "":
		return fmt.Sprintf("%d %s", s.Status, s.Reason)
	default:
		return strconv.Itoa(s.Status)
	}
}

// Seen is what the clients of a load saw.
type Seen struct {
	Samples []Sample
	// Skipped requests were not sent, as too many waited for a response. They are
	// a failure of the gateway or of the generator, never of no consequence.
	Skipped int
	// Span is how long requests were sent.
	Span time.Duration
}

// Where returns what the samples that match saw. Skipped requests stay out.
func (s Seen) Where(match func(Sample) bool) Seen {
	var some []Sample
	for _, sample := range s.Samples {
		if match(sample) {
			some = append(some, sample)
		}
	}
	return Seen{Samples: some, Span: s.Span}
}

// Between returns what requests saw that were meant to be sent in [from, to).
func (s Seen) Between(from, to time.Duration) Seen {
	some := s.Where(func(x Sample) bool { return x.At >= from && x.At < to })
	some.Span = to - from
	return some
}

// After returns what requests saw that were meant to be sent at from or later.
func (s Seen) After(from time.Duration) Seen { return s.Between(from, max(from, s.Span)) }

// Named returns what requests of one kind saw.
func (s Seen) Named(name string) Seen {
	return s.Where(func(x Sample) bool { return x.Name == name })
}

// OK returns the requests that succeeded.
func (s Seen) OK() Seen { return s.Where(Sample.OK) }

// Failed returns the requests that did not succeed.
func (s Seen) Failed() Seen { return s.Where(func(x Sample) bool { return !x.OK() }) }

// Count is how many requests were sent.
func (s Seen) Count() int { return len(s.Samples) }

// Outcomes counts the requests by [Sample.Outcome].
func (s Seen) Outcomes() map[string]int {
	counts := map[string]int{}
	for _, sample := range s.Samples {
		counts[sample.Outcome()]++
	}
	if s.Skipped > 0 {
		counts["not sent"] = s.Skipped
	}
	return counts
}

// Last is when the last of the requests was sent; 0 without requests.
func (s Seen) Last() time.Duration { return lasted(s.Samples) }

// Quantile returns the latency that the share q of requests, from 0 to 1, did
// not exceed; 0 without requests.
func (s Seen) Quantile(q float64) time.Duration {
	if len(s.Samples) == 0 {
		return 0
	}
	took := make([]time.Duration, len(s.Samples))
	for i, sample := range s.Samples {
		took[i] = sample.Took
	}
	slices.Sort(took)
	return took[min(len(took)-1, int(q*float64(len(took))))]
}

// lasted is how long samples were sent.
func lasted(samples []Sample) time.Duration {
	var last time.Duration
	for _, s := range samples {
		last = max(last, s.At)
	}
	return last
}

// reason finds the ErrorInfo in an error's JSON.
func reason(status int, body []byte) string {
	if status < http.StatusBadRequest {
		return ""
	}
	var failure struct {
		Details []struct {
			Reason string `json:"reason"`
		} `json:"details"`
	}
	if json.Unmarshal(body, &failure) != nil {
		return "not JSON"
	}
	for _, detail := range failure.Details {
		if detail.Reason != "" {
			return detail.Reason
		}
	}
	return ""
}

// kind names why there was no response, without what differs between requests.
func kind(err error) string {
	var network net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection lost"
	case errors.As(err, &network) && network.Timeout():
		return "client timed out"
	default:
		return err.Error()
	}
}
