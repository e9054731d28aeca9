package api

import "time"

// Caller is who calls an RPC that is deprecated.
type Caller struct {
	Method     string     `json:"method"`
	Deprecated *time.Time `json:"deprecated"` // null: it is no longer
	Sunset     *time.Time `json:"sunset"`
	Kind       string     `json:"kind"`       // "principal", "user_agent" or "unknown"
	Caller     Text       `json:"caller"`     // null: unknown
	UserAgent  Text       `json:"user_agent"` // of a principal
	Requests   int64      `json:"requests"`
	First      time.Time  `json:"first"`
	Last       time.Time  `json:"last"`
}

// Callers returns who calls RPCs that are deprecated, since when they are counted, and
// the requests of those who are too many to be told apart.
type Callers func() (callers []Caller, since time.Time, other int64)

type callersView struct {
	At      time.Time `json:"at"`
	Since   time.Time `json:"since"`
	Callers []Caller  `json:"callers"`
	Other   int64     `json:"other"`
}

// callers tells who calls what is deprecated.
func (o Options) callers() callersView {
	callers, since, other := o.Callers()
	view := callersView{At: time.Now().UTC(), Since: since.UTC(), Callers: append([]Caller{}, callers...), Other: other}
	methods := map[string]Method{}
	for _, m := range o.Methods() {
		methods[m.Name] = m
	}
	for i := range view.Callers {
		m := methods[view.Callers[i].Method]
		view.Callers[i].Deprecated, view.Callers[i].Sunset = given(m.Deprecated), given(m.Sunset)
	}
	return view
}

// given is null where a time is not.
func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
