package process

import (
	"encoding/json"
	"io"
	"time"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy/annotation"
)

// policyView is an RPC as programs read it.
type policyView struct {
	Method    string            `json:"method"`
	Routes    []string          `json:"routes"`
	Policy    json.RawMessage   `json:"policy"`  // in the form of an annotation, with every default
	Written   json.RawMessage   `json:"written"` // of it, by authors and operators
	Origins   map[string]string `json:"origins"`
	Overrides []overrideView    `json:"overrides,omitempty"`
	Permits   []permitView      `json:"permits,omitempty"`
}

// overrideView is an override that is in force.
type overrideView struct {
	Source   string    `json:"source"`
	ID       string    `json:"id,omitempty"` // of memory only
	Methods  string    `json:"methods"`
	Reason   string    `json:"reason,omitempty"`
	Expires  time.Time `json:"expires,omitzero"`
	Operator string    `json:"operator,omitempty"` // of memory only
	Added    time.Time `json:"added,omitzero"`
}

// permitView is what the author permits operators to change.
type permitView struct {
	Field string `json:"field"`
	Fixed bool   `json:"fixed,omitempty"`
	Min   string `json:"min,omitempty"`
	Max   string `json:"max,omitempty"`
}

func newPolicyView(p gateway.EffectivePolicy) (policyView, error) {
	encoded, err := asAnnotated.Marshal(annotation.Encode(p.Policy))
	if err != nil {
		return policyView{}, err
	}
	written, err := asAnnotated.Marshal(p.Written)
	if err != nil {
		return policyView{}, err
	}
	view := policyView{Method: p.Method, Routes: p.Routes, Policy: encoded, Written: written, Origins: p.Origins}
	for _, o := range p.Overrides {
		view.Overrides = append(view.Overrides, overrideView{o.Source, o.ID, o.Methods, o.Reason, o.Expires, o.Operator, o.Added})
	}
	for _, permit := range p.Permits {
		view.Permits = append(view.Permits, permitView{permit.GetField(), permit.GetFixed(), permit.GetMin(), permit.GetMax()})
	}
	return view, nil
}

// writePoliciesJSON writes an array with an object for each RPC.
func writePoliciesJSON(w io.Writer, policies []gateway.EffectivePolicy) error {
	views := make([]policyView, len(policies))
	for i, p := range policies {
		var err error
		if views[i], err = newPolicyView(p); err != nil {
			return err
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(views)
}
