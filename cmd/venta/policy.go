package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy/annotation"
)

// policyCommand prints the effective policy of every RPC.
type policyCommand struct {
	Config string `help:"Configuration file (YAML) whose overrides are laid over the annotations." placeholder:"FILE"`
	Method string `arg:"" optional:"" help:"The RPC, such as venta.vendor.v2.VendorService/GetVendor (default: all)."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// Run prints what a gateway with this configuration would do. It serves nothing.
func (c *policyCommand) Run() error {
	policies, err := c.effective()
	if err != nil {
		return err
	}
	if c.Method != "" {
		if policies, err = only(policies, c.Method); err != nil {
			return err
		}
	}
	if c.JSON {
		return writePoliciesJSON(os.Stdout, policies)
	}
	return writePolicies(os.Stdout, policies)
}

func only(policies []gateway.EffectivePolicy, method string) ([]gateway.EffectivePolicy, error) {
	var names []string
	for _, p := range policies {
		if p.Method == method {
			return []gateway.EffectivePolicy{p}, nil
		}
		names = append(names, p.Method)
	}
	return nil, fmt.Errorf("there is no RPC %q; the RPCs are:\n%s", method, strings.Join(names, "\n"))
}

// policiesHandler tells operators what holds now, as venta policy --json does.
func policiesHandler(gw *gateway.Gateway) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if err := writePoliciesJSON(w, gw.Policies()); err != nil {
			slog.Debug("an operator left before the policies were written", "error", err)
		}
	})
}

// writePoliciesJSON writes an array with an object for each RPC. The policy has
// the form of an annotation, with every default filled in.
func writePoliciesJSON(w io.Writer, policies []gateway.EffectivePolicy) error {
	type entry struct {
		Method  string            `json:"method"`
		Routes  []string          `json:"routes"`
		Policy  json.RawMessage   `json:"policy"`
		Origins map[string]string `json:"origins"`
	}
	entries := make([]entry, len(policies))
	for i, p := range policies {
		encoded, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(annotation.Encode(p.Policy))
		if err != nil {
			return err
		}
		entries[i] = entry{p.Method, p.Routes, encoded, p.Origins}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(entries)
}
