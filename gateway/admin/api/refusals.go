package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/venta-hq/venta/gateway/admin/recent"
)

// Refusal is a request that was refused, or that a block in shadow mode would have
// refused. A Text that is "" does not exist.
type Refusal struct {
	At        time.Time `json:"at"`
	Method    Text      `json:"method"` // null: it was on the route of no RPC
	Route     Text      `json:"route"`
	Status    int       `json:"status"` // of the response; 0: it was broken off before it began
	Policy    Text      `json:"policy"` // the block; null: the gateway itself
	Reason    Text      `json:"reason"` // that the client read, or would have
	Limit     Text      `json:"limit"`
	Mode      string    `json:"mode"`
	Would     Text      `json:"would"` // the word of shadow mode
	RequestID string    `json:"request_id"`
	TraceID   Text      `json:"trace_id"`
	UserHash  Text      `json:"user_hash"`
	User      Text      `json:"user"` // where logs name callers
}

// Text is null where it is "".
type Text string

// MarshalJSON implements json.Marshaler.
func (t Text) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(t))
}

const (
	mostRefusals    = 200
	defaultRefusals = 50
)

// Refused returns the last refusals of the RPCs that are selected, the newest first
// and at most so many, and how many more of theirs were not remembered. Nil selects
// all; "" is the method of what no RPC has.
type Refused func(most int, selected func(method string) bool) (last []Refusal, leftOut int64)

type refusalsView struct {
	At       time.Time `json:"at"`
	Refusals []Refusal `json:"refusals"`
	LeftOut  int64     `json:"left_out"`
}

// refusals tells what was refused lately.
func (o Options) refusals(w http.ResponseWriter, r *http.Request) {
	most, err := limitOf(r)
	if err != nil {
		respond(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	view := refusalsView{At: time.Now().UTC(), Refusals: []Refusal{}}
	last, leftOut := o.Refused(most, selectedBy(r.URL.Query().Get("method")))
	view.Refusals, view.LeftOut = append(view.Refusals, last...), leftOut
	respond(w, http.StatusOK, view)
}

// selectedBy selects an RPC, or what is none's.
func selectedBy(name string) func(method string) bool {
	switch name {
	case "":
		return nil
	case recent.Unrouted:
		name = ""
	}
	return func(method string) bool { return method == name }
}

func limitOf(r *http.Request) (int, error) {
	given := r.URL.Query().Get("limit")
	if given == "" {
		return defaultRefusals, nil
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < 1 || n > mostRefusals {
		return 0, fmt.Errorf("limit: %q is no number from 1 to %d", given, mostRefusals)
	}
	return n, nil
}
