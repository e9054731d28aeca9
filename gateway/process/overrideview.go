package process

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/admin/overrides"
	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/policy/annotation"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

var asAnnotated = protojson.MarshalOptions{UseProtoNames: true}

// asConfigured writes an override as a file has it.
func asConfigured(o gateway.Override) *configv1.PolicyOverride {
	written := &configv1.PolicyOverride{Methods: o.Methods, Policy: o.Policy, Reason: o.Reason}
	if !o.Expires.IsZero() {
		written.Expires = o.Expires.Format(time.RFC3339Nano)
	}
	return written
}

// overrideOf shows an override to operators.
func overrideOf(o gateway.Override, methods []gateway.EffectivePolicy) (overrides.Override, error) {
	view := overrides.Override{
		ID: o.ID, Methods: o.Methods, Reason: o.Reason, Source: o.Source, Operator: o.Operator, Added: o.Added, Matches: []string{},
	}
	if !o.Expires.IsZero() {
		view.Expires = &o.Expires
	}
	for _, m := range methods {
		if policy.Matches(o.Methods, m.Method) {
			view.Matches = append(view.Matches, m.Method)
		}
	}
	var err error
	if view.Policy, err = asAnnotated.Marshal(o.Policy); err != nil {
		return view, err
	}
	view.YAML, err = config.OverrideYAML(asConfigured(o))
	return view, err
}

// changesOf compares what holds for the RPCs that an override names with what would.
func changesOf(methods string, before, after []gateway.EffectivePolicy) ([]overrides.Change, error) {
	var all []overrides.Change
	for i, was := range before {
		if !policy.Matches(methods, was.Method) {
			continue
		}
		changes, err := blocksChanged(annotation.Encode(was.Policy), annotation.Encode(after[i].Policy))
		if err != nil {
			return nil, err
		}
		for _, change := range changes {
			change.Method = was.Method
			all = append(all, change)
		}
	}
	return all, nil
}

func blocksChanged(before, after *policyv1.Policy) ([]overrides.Change, error) {
	was, err := blocksOf(before)
	if err != nil {
		return nil, err
	}
	is, err := blocksOf(after)
	if err != nil {
		return nil, err
	}
	var all []overrides.Change
	a, b := before.ProtoReflect(), after.ProtoReflect()
	for i := range a.Descriptor().Fields().Len() {
		block := a.Descriptor().Fields().Get(i)
		name := string(block.Name())
		if a.Has(block) != b.Has(block) || !a.Get(block).Equal(b.Get(block)) {
			all = append(all, overrides.Change{Block: name, Before: was[name], After: is[name]})
		}
	}
	return all, nil
}

// blocksOf returns the blocks of a policy as JSON, by name.
func blocksOf(p *policyv1.Policy) (map[string]json.RawMessage, error) {
	text, err := asAnnotated.Marshal(p)
	if err != nil {
		return nil, err
	}
	var blocks map[string]json.RawMessage
	return blocks, json.Unmarshal(text, &blocks)
}

// textOf says what blocks were, for a record that is short.
func textOf(changes []overrides.Change) string {
	var text strings.Builder
	for _, c := range changes {
		if text.Len() > mostBefore {
			break
		}
		was := bytes.NewBufferString("none")
		if c.Before != nil {
			was.Reset()
			_ = json.Compact(was, c.Before) // it was just encoded
		}
		fmt.Fprintf(&text, "%s %s: %s; ", c.Method, c.Block, was)
	}
	return strings.TrimSuffix(text.String(), "; ")
}

// mostBefore is about what a record keeps of a text.
const mostBefore = 2048
