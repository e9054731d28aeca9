package health

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Status is how something is.
type Status string

// The statuses.
const (
	// StatusOK is that of what works.
	StatusOK Status = "ok"
	// StatusDegraded is that of what works with a part of it down.
	StatusDegraded Status = "degraded"
	// StatusUnavailable is that of what does not work.
	StatusUnavailable Status = "unavailable"
	// StatusUnknown is that of what nobody has looked at yet.
	StatusUnknown Status = "unknown"
)

// Kind is what a dependency is.
type Kind string

// The kinds of dependencies.
const (
	KindUpstream Kind = "upstream"
	KindRedis    Kind = "redis"
	KindDatabase Kind = "database"
	KindEvents   Kind = "events"
)

// Check tells whether something works, nil where it does. It must end with its
// context. One that does not is not called again until it has ended, and the
// dependency is taken to be down.
type Check func(context.Context) error

// ErrNotServing is wrapped by errors of a [Check] that was answered: the dependency
// itself says that it does not serve. Such an error counts at once; another one must
// be seen twice in a row.
var ErrNotServing = errors.New("it says that it does not serve")

// Dependency is what a process needs and what can be down.
type Dependency struct {
	// Name is what operators call it. Required; with Kind it is unique.
	Name string
	// Kind is one of those above. Required.
	Kind Kind
	// Critical has readiness fall while it is down. Default: it is degradable, and
	// the process has traffic without it.
	Critical bool
	// Check looks at it. Required.
	Check Check
	// Changed, where set, has it looked at earlier, at most once a second.
	Changed <-chan struct{}
	// Endpoints, where set, returns from memory how its parts are.
	Endpoints func() []Endpoint
}

// Endpoint is a part of a dependency, such as an address.
type Endpoint struct {
	Address string
	Up      bool
}

// Criticality is the word for Critical in metrics and documents.
func (d Dependency) Criticality() string {
	if d.Critical {
		return "critical"
	}
	return "degradable"
}

func (d Dependency) validate() error {
	if d.Name == "" || d.Kind == "" || d.Check == nil {
		return fmt.Errorf("dependency %q: Name, Kind and Check are required", d.Name)
	}
	return nil
}

// State is how a dependency is, as it was last looked at.
type State struct {
	Dependency

	Status  Status
	Since   time.Time     // of the status
	Checked time.Time     // zero: never
	Latency time.Duration // of the last check
	Err     error         // of the last check
}

// partly returns the state with what Endpoints say.
func (s State) partly() State {
	if s.Status != StatusOK || s.Endpoints == nil {
		return s
	}
	for _, e := range s.Endpoints() {
		if !e.Up {
			s.Status = StatusDegraded
		}
	}
	return s
}
