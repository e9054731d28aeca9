package health

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// mediaType is that of draft-inadarei-api-health-check, whose words for statuses
// are others. Who accepts it gets them.
const mediaType = "application/health+json"

// document is the response to /health.
type document struct {
	Status    Status            `json:"status"`
	Timestamp time.Time         `json:"timestamp"`
	Services  map[string]Status `json:"services"` // the upstreams
	// Those below are for operators alone.
	Version string             `json:"version,omitempty"`
	Notes   []string           `json:"notes,omitempty"`
	Checks  map[string][]check `json:"checks,omitempty"`
}

// check is how a dependency is, in the form of the draft.
type check struct {
	ComponentID   string     `json:"componentId"`
	ComponentType Kind       `json:"componentType"`
	Criticality   string     `json:"criticality"`
	Status        Status     `json:"status"`
	Since         time.Time  `json:"since"`
	ObservedValue float64    `json:"observedValue"`
	ObservedUnit  string     `json:"observedUnit"`
	Time          *time.Time `json:"time,omitempty"` // of the last check
	Output        string     `json:"output,omitempty"`
	Endpoints     []endpoint `json:"endpoints,omitempty"`
}

type endpoint struct {
	Address string `json:"address"`
	Status  Status `json:"status"`
}

// public is the document for strangers.
func (h *Health) public() document { return h.document(h.States()) }

func (h *Health) document(states []State) document {
	doc := document{Status: StatusOK, Timestamp: time.Now().UTC(), Services: map[string]Status{}}
	for _, s := range states {
		if s.Kind == KindUpstream {
			doc.Services[s.Name] = s.Status
		}
		if s.Status != StatusOK {
			doc.Status = StatusDegraded
		}
	}
	if !h.Ready() {
		doc.Status = StatusUnavailable
	}
	return doc
}

// whole is the document for operators.
func (h *Health) whole() document {
	states := h.States()
	doc := h.document(states)
	doc.Version, doc.Notes, doc.Checks = h.options.Version, h.notes(), map[string][]check{}
	for _, s := range states {
		key := s.Name + ":responseTime"
		doc.Checks[key] = append(doc.Checks[key], newCheck(s))
	}
	return doc
}

// notes say why the process is not ready.
func (h *Health) notes() []string {
	switch {
	case !h.started.Load():
		return []string{"the process starts"}
	case !h.ready.Load():
		return []string{"the process ends"}
	}
	var notes []string
	for _, w := range h.watches {
		if w.holdsBack(h.options.CriticalAfter) {
			notes = append(notes, "not ready: "+w.dependency.Name+" is critical, and down")
		}
	}
	return notes
}

func newCheck(s State) check {
	c := check{
		ComponentID: s.Name, ComponentType: s.Kind, Criticality: s.Criticality(), Status: s.Status, Since: s.Since.UTC(),
		ObservedValue: float64(s.Latency.Microseconds()) / 1000, ObservedUnit: "ms",
	}
	if !s.Checked.IsZero() {
		at := s.Checked.UTC()
		c.Time = &at
	}
	if s.Err != nil {
		c.Output = s.Err.Error()
	}
	if s.Endpoints == nil {
		return c
	}
	for _, e := range s.Endpoints() {
		status := StatusOK
		if !e.Up {
			status = StatusUnavailable
		}
		c.Endpoints = append(c.Endpoints, endpoint{e.Address, status})
	}
	return c
}

// write responds 503 where the process should have no traffic, else 200: one that
// is degraded serves what it can.
func write(w http.ResponseWriter, r *http.Request, doc document) {
	code := http.StatusOK
	if doc.Status == StatusUnavailable {
		code = http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Vary", "Accept")
	if strings.Contains(strings.Join(r.Header.Values("Accept"), ","), mediaType) {
		w.Header().Set("Content-Type", mediaType)
		doc.translate()
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(doc) // a client that left is no fault
}

// drafted are the draft's words.
var drafted = map[Status]Status{StatusOK: "pass", StatusDegraded: "warn", StatusUnknown: "warn", StatusUnavailable: "fail"}

func (d *document) translate() {
	d.Status = drafted[d.Status]
	for name, status := range d.Services {
		d.Services[name] = drafted[status]
	}
	for _, checks := range d.Checks {
		for i := range checks {
			checks[i].Status = drafted[checks[i].Status]
			for j := range checks[i].Endpoints {
				checks[i].Endpoints[j].Status = drafted[checks[i].Endpoints[j].Status]
			}
		}
	}
}
