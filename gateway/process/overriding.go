package process

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/admin/overrides"
	"github.com/venta-hq/venta/gateway/audit"
	"github.com/venta-hq/venta/gateway/config"
)

// overriding lays the overrides of an operator, which the process alone remembers, behind
// those of the file: who acts on what is in force must get what was shown. What is in
// force is the gateway's to know.
type overriding struct {
	gateway *gateway.Gateway
	audit   *audit.Log
	logger  *slog.Logger

	mu     sync.Mutex // while what is in force is read and changed
	ending bool       // what is in memory was told to be lost
}

// isMemory tells that an override stands in no file.
func isMemory(o gateway.Override) bool { return o.ID != "" }

// follow puts the overrides of a file into force. The file is right by itself, as it is
// all that a restart has. What does not fit behind it any more is ended and told.
func (o *overriding) follow(file []gateway.Override) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	memory := slices.DeleteFunc(o.gateway.Overrides(), func(one gateway.Override) bool { return !isMemory(one) })
	if len(memory) == 0 {
		return o.gateway.Override(file)
	}
	if _, err := o.gateway.Preview(file); err != nil {
		return err
	}
	if err := o.gateway.Override(slices.Concat(file, memory)); err == nil {
		return nil
	}
	fitting, unfit := o.fitting(file, memory)
	if err := o.gateway.Override(fitting); err != nil {
		return err
	}
	o.tellUnfit(unfit)
	return nil
}

// unfit is an override of memory that cannot be laid behind those of a file.
type unfit struct {
	gateway.Override
	why error
}

// fitting adds to the overrides of a file those of memory that can be behind them.
func (o *overriding) fitting(file, memory []gateway.Override) (all []gateway.Override, left []unfit) {
	all = slices.Clone(file)
	for _, one := range memory {
		with := append(slices.Clone(all), one)
		if _, err := o.gateway.Preview(with); err != nil {
			left = append(left, unfit{one, err})
			continue
		}
		all = with
	}
	return all, left
}

func (o *overriding) tellUnfit(all []unfit) {
	const what = "an override of memory does not fit behind the configuration that was loaded, and has ended"
	var events []audit.Event
	for _, one := range all {
		o.logger.Error(what, "id", one.ID, "methods", one.Methods, "operator", one.Operator, "reason", one.Reason, "error", one.why)
		e := ended(one.Override, what)
		e.Err = one.why
		events = append(events, e)
	}
	o.record(events...)
}

// forget tells of what ends with the process.
func (o *overriding) forget() {
	if o == nil {
		return // a service has none
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ending = true
	var events []audit.Event
	for _, one := range o.gateway.Overrides() {
		if !isMemory(one) {
			continue
		}
		o.logger.Warn("an override of memory ends with the process", "id", one.ID, "methods", one.Methods, "operator", one.Operator, "reason", one.Reason)
		events = append(events, ended(one, "the process ends"))
	}
	o.record(events...)
}

// ended is the record of an override that nobody has taken out.
func ended(one gateway.Override, why string) audit.Event {
	e := eventOf(audit.OverrideRemove, audit.Actor{Kind: audit.Process}, one)
	e.Reason = why
	return e
}

// record tells what happens in any case.
func (o *overriding) record(all ...audit.Event) { _ = o.audit.Record(context.Background(), all...) }

// All implements [overrides.Keeper].
func (o *overriding) All() ([]overrides.Override, error) {
	methods := o.gateway.Policies()
	var all []overrides.Override
	for _, one := range o.gateway.Overrides() {
		view, err := overrideOf(one, methods)
		if err != nil {
			return nil, err
		}
		all = append(all, view)
	}
	return all, nil
}

// Try implements [overrides.Keeper].
func (o *overriding) Try(p overrides.Proposal) ([]overrides.Change, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, changes, err := o.with(o.gateway.Overrides(), p)
	return changes, err
}

// Add implements [overrides.Keeper]. It is recorded before it is done.
func (o *overriding) Add(r *http.Request, p overrides.Proposal) (overrides.Override, []overrides.Change, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := o.gateway.Overrides()
	if n := len(before) - countOfFile(before); n >= overrides.Most {
		return overrides.Override{}, nil, &overrides.Refusal{
			Status: http.StatusConflict, Reason: fmt.Sprintf("%d overrides are in memory; take one out, or write some into the file", n),
		}
	}
	added, changes, err := o.with(before, p)
	if err != nil {
		return overrides.Override{}, nil, err
	}
	view, err := overrideOf(added, o.gateway.Policies())
	if err != nil {
		return overrides.Override{}, nil, err
	}
	e := eventOf(audit.OverrideAdd, audit.Asked(r, p.Operator), added)
	e.Before = textOf(changes)
	return view, changes, o.recorded(r, e, append(before, added))
}

// Remove implements [overrides.Keeper]. It is recorded before it is done.
func (o *overriding) Remove(r *http.Request, id, operator, reason string) (overrides.Override, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := o.gateway.Overrides()
	i := slices.IndexFunc(before, func(one gateway.Override) bool { return one.ID == id || !isMemory(one) && one.Source == id })
	switch {
	case i < 0:
		return overrides.Override{}, &overrides.Refusal{Status: http.StatusNotFound, Reason: fmt.Sprintf("there is no override %q; it may have expired", id)}
	case !isMemory(before[i]):
		return overrides.Override{}, &overrides.Refusal{Status: http.StatusConflict, Reason: "it is one of the file; take it out of " + before[i].Source}
	}
	rest := slices.Delete(slices.Clone(before), i, i+1)
	if _, err := o.gateway.Preview(rest); err != nil {
		return overrides.Override{}, overrides.Refuse(http.StatusConflict, "another override counts on it; take that one out first", err)
	}
	view, err := overrideOf(before[i], o.gateway.Policies())
	if err != nil {
		return overrides.Override{}, err
	}
	e := eventOf(audit.OverrideRemove, audit.Asked(r, operator), before[i])
	e.Reason = reason
	return view, o.recorded(r, e, rest)
}

// recorded puts overrides into force once the audit log says so. The lock is held.
func (o *overriding) recorded(r *http.Request, e audit.Event, all []gateway.Override) error {
	if o.ending {
		return &overrides.Refusal{Status: http.StatusServiceUnavailable, Reason: "nothing is changed, as the process ends"}
	}
	if err := o.audit.Guard(r.Context(), e); err != nil {
		return &overrides.Refusal{Status: http.StatusServiceUnavailable, Reason: "nothing is changed, as it cannot be recorded: " + err.Error()}
	}
	if err := o.gateway.Override(all); err != nil {
		e.Err = err
		o.record(e)
		return err
	}
	return nil
}

// with returns a proposal as an override, and what it changes behind those before it.
func (o *overriding) with(before []gateway.Override, p overrides.Proposal) (gateway.Override, []overrides.Change, error) {
	added := gateway.Override{
		Methods: p.Methods, Policy: p.Policy, Expires: p.Expires, Reason: p.Reason,
		Source: overrides.Memory, ID: newID(), Operator: p.Operator, Added: time.Now().UTC().Truncate(time.Millisecond),
	}
	if err := config.CheckOverride(asConfigured(added)); err != nil {
		return added, nil, refused(err)
	}
	then, err := o.gateway.Preview(append(slices.Clone(before), added))
	if err != nil {
		return added, nil, refused(err)
	}
	changes, err := changesOf(p.Methods, o.gateway.Policies(), then)
	return added, changes, err
}

func refused(err error) error {
	if _, ok := errors.AsType[*overrides.Refusal](err); ok {
		return err
	}
	return overrides.Refuse(http.StatusBadRequest, "the override is refused", err)
}

// newID returns a name that no other override has, be it one of an earlier process that
// somebody's page still shows.
func newID() string {
	var random [4]byte
	_, _ = rand.Read(random[:]) // it never fails
	return "m" + hex.EncodeToString(random[:])
}

func countOfFile(all []gateway.Override) (n int) {
	for _, one := range all {
		if !isMemory(one) {
			n++
		}
	}
	return n
}
