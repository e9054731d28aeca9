package overrides

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/venta-hq/venta/gateway/admin"
)

// New returns the handler of /api/overrides. It authenticates nobody, so it belongs behind
// [admin.Options.Overrides].
func New(k Keeper) (http.Handler, error) {
	if k == nil {
		return nil, errors.New("admin/overrides: no Keeper")
	}
	h, mux := handler{k}, http.NewServeMux()
	mux.HandleFunc("GET /api/overrides", told(h.list))
	mux.HandleFunc("POST /api/overrides", told(h.add))
	mux.HandleFunc("DELETE /api/overrides/{id...}", told(h.remove))
	return mux, nil
}

type handler struct{ keeper Keeper }

// told writes what a function returns.
func told(does func(http.ResponseWriter, *http.Request) (int, any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status, view, err := does(w, r)
		if err != nil {
			refusal := refusalOf(err)
			status, view = refusal.Status, errorView{refusal.Reason, refusal.Faults}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(view) // a client that left is no fault
	}
}

type errorView struct {
	Error  string   `json:"error"`
	Faults []string `json:"faults,omitempty"`
}

type listView struct {
	Overrides []Override `json:"overrides"`
	YAML      string     `json:"yaml"` // those of memory, as a block of a file; "" for none
}

func (h handler) list(http.ResponseWriter, *http.Request) (int, any, error) {
	all, err := h.keeper.All()
	if err != nil {
		return 0, nil, err
	}
	view := listView{Overrides: append([]Override{}, all...)}
	var entries strings.Builder
	for _, o := range all {
		if o.ID != "" {
			entries.WriteString(o.YAML)
		}
	}
	if entries.Len() > 0 {
		view.YAML = "overrides:\n" + entries.String()
	}
	return http.StatusOK, view, nil
}

type changesView struct {
	Changes []Change `json:"changes"`
}

type addedView struct {
	Override
	changesView
}

func (h handler) add(w http.ResponseWriter, r *http.Request) (int, any, error) {
	dry, err := isDry(r.URL.RawQuery)
	if err != nil {
		return 0, nil, err
	}
	p, err := proposal(w, r)
	if err != nil {
		return 0, nil, err
	}
	if dry {
		changes, err := h.keeper.Try(p)
		return http.StatusOK, changesOf(changes), err
	}
	added, changes, err := h.keeper.Add(r, p)
	return http.StatusCreated, addedView{added, changesOf(changes)}, err
}

func changesOf(changes []Change) changesView { return changesView{append([]Change{}, changes...)} }

func proposal(w http.ResponseWriter, r *http.Request) (Proposal, error) {
	given, err := body(w, r, "methods", "policy", "reason", "expires", "for")
	if err != nil {
		return Proposal{}, err
	}
	read := reader{members: given}
	p := Proposal{
		Methods: read.text("methods"), Policy: read.policy(), Reason: read.reason(), Expires: read.end(time.Now()),
		Operator: admin.OperatorFrom(r.Context()).Name,
	}
	return p, wrong(read.faults)
}

func (h handler) remove(w http.ResponseWriter, r *http.Request) (int, any, error) {
	given, err := body(w, r, "reason")
	if err != nil {
		return 0, nil, err
	}
	read := reader{members: given}
	reason := read.reason()
	if err := wrong(read.faults); err != nil {
		return 0, nil, err
	}
	removed, err := h.keeper.Remove(r, r.PathValue("id"), admin.OperatorFrom(r.Context()).Name, reason)
	return http.StatusOK, removed, err
}
