// Package overrides lets operators see, make and undo overrides of policies while a
// gateway runs:
//
//	GET    /api/overrides        those that are in force
//	POST   /api/overrides        make one; with ?dry_run=true only tell what it would change
//	DELETE /api/overrides/{id}   undo one
//
// What is made here is in the memory of that gateway alone: it has an end and a reason, and
// is gone with the process. The package reads requests and writes responses; a [Keeper] has
// the overrides.
package overrides

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// The bounds of what operators ask for.
const (
	// Most is how many overrides a gateway has in its memory.
	Most = 32
	// Longest is how long one lasts.
	Longest = 24 * time.Hour
)

// Memory is the source of an override that stands in no file.
const Memory = "memory"

// Override is one that is in force.
type Override struct {
	ID       string          `json:"id,omitempty"` // of memory only
	Methods  string          `json:"methods"`
	Policy   json.RawMessage `json:"policy"`
	Reason   string          `json:"reason"`
	Expires  *time.Time      `json:"expires"` // null: it stays
	Source   string          `json:"source"`  // [Memory], or its place in a file
	Operator string          `json:"operator,omitempty"`
	Added    time.Time       `json:"added,omitzero"`
	Matches  []string        `json:"matches"` // RPCs
	YAML     string          `json:"yaml"`    // an entry of the list "overrides" in a file
}

// Proposal is what an operator wants.
type Proposal struct {
	Methods  string
	Policy   *policyv1.Policy
	Reason   string
	Expires  time.Time
	Operator string
}

// Change is a block of an RPC that an override changes.
type Change struct {
	Method string          `json:"method"`
	Block  string          `json:"block"`
	Before json.RawMessage `json:"before"` // null: there was none
	After  json.RawMessage `json:"after"`
}

// Keeper has the overrides. It must be safe for concurrent use. Its errors are a
// [*Refusal] where the operator can do something about them.
type Keeper interface {
	// All returns what is in force, in the order in which it is laid.
	All() ([]Override, error)
	// Try tells what a proposal would change, and changes nothing.
	Try(Proposal) ([]Change, error)
	// Add puts a proposal into force, for the request of an operator.
	Add(*http.Request, Proposal) (Override, []Change, error)
	// Remove takes one out, and returns it.
	Remove(r *http.Request, id, operator, reason string) (Override, error)
}

// Refusal is why something is not done.
type Refusal struct {
	Status int // of HTTP
	Reason string
	Faults []string // everything that is wrong, where it is more than one thing
}

// Error returns the reason and all faults.
func (r *Refusal) Error() string {
	return strings.Join(append([]string{r.Reason}, r.Faults...), "\n")
}

// Refuse returns a refusal with everything that an error names, a line for each.
func Refuse(status int, reason string, err error) *Refusal {
	lines := strings.Split(err.Error(), "\n")
	if more := len(lines) - mostFaults; more > 0 {
		lines = append(lines[:mostFaults], fmt.Sprintf("and %d more", more))
	}
	return &Refusal{Status: status, Reason: reason, Faults: lines}
}

// mostFaults bounds a response: an override of "**" can be wrong for each RPC.
const mostFaults = 100

// refusalOf returns how an error is told. One that is nobody's to mend is the process's.
func refusalOf(err error) *Refusal {
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return refusal
	}
	return &Refusal{Status: http.StatusInternalServerError, Reason: err.Error()}
}
