package process

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/metric"
	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/admin"
	"github.com/venta-hq/venta/gateway/audit"
	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/internal/instrument"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// addAudit opens the audit log, which is closed behind all that writes to it.
func (p *process) addAudit() error {
	cfg := p.loaded.Config.GetAudit()
	log, err := audit.Open(audit.Options{File: cfg.GetFile(), Required: cfg.GetRequired(), Logger: p.logs.Logger})
	if err != nil {
		return p.loaded.Fault("audit.file", err.Error())
	}
	p.audit, p.audited = log, p.loaded
	p.closers = append(p.closers, log)
	making := p.instruments()
	making.Counter(instrument.AuditLost, func(_ context.Context, to metric.Int64Observer) error {
		to.Observe(log.Lost())
		return nil
	})
	return making.Err()
}

// record tells what has happened, all of it at once. What could not be recorded is counted
// and logged.
func (p *process) record(all ...audit.Event) { _ = p.audit.Record(context.Background(), all...) }

// auditStart tells that the process serves.
func (p *process) auditStart() {
	all := []audit.Event{{
		Action: audit.ProcessStart, Actor: audit.Actor{Kind: audit.Process},
		Target: p.program.Name, After: "version " + p.program.Version,
	}}
	p.record(append(all, overridesChanged(audit.Actor{Kind: audit.File}, nil, p.loaded.Config.GetOverrides())...)...)
}

// auditStop tells that the process ends, and why: it was asked to, or a part of it has
// failed.
func (p *process) auditStop(asked context.Context) {
	actor := audit.Actor{Kind: audit.Process}
	if asked.Err() != nil {
		actor.Kind = audit.Signal
		if cause := context.Cause(asked); !errors.Is(cause, context.Canceled) {
			actor.Name = cause.Error()
		}
	}
	p.record(audit.Event{Action: audit.ProcessStop, Actor: actor, Target: p.program.Name})
}

// auditReload tells what a reload has changed.
func (p *process) auditReload(r config.Reload) {
	before, now := p.audited, p.reloading.watcher.Current()
	p.audited = now
	actor := audit.Actor{Kind: audit.File}
	if p.reloading.asked.Swap(false) {
		actor = audit.Actor{Kind: audit.Signal, Name: "SIGHUP"}
	}
	all := []audit.Event{{
		Action: audit.ConfigReload, Actor: actor, Err: r.Err,
		After: fmt.Sprintf("%d changed, %d pending", len(r.Changed), len(r.Pending)),
	}}
	if r.Err != nil {
		p.record(all...)
		return
	}
	p.record(slices.Concat(all,
		fieldsChanged(actor, r.Changed),
		overridesChanged(actor, before.Config.GetOverrides(), now.Config.GetOverrides()),
		keysReplaced(actor, before, now))...)
}

// fieldsChanged tells of fields. Overrides are told by themselves.
func fieldsChanged(actor audit.Actor, changes []config.Change) []audit.Event {
	var all []audit.Event
	for _, c := range changes {
		action := audit.ConfigChange
		switch {
		case strings.HasPrefix(c.Path, "overrides"):
			continue
		case c.Path == "logging.level":
			action = audit.LogLevelChange
		}
		all = append(all, audit.Event{Action: action, Actor: actor, Target: c.Path, Before: c.From, After: c.To})
	}
	return all
}

// overridesChanged tells which overrides came and went.
func overridesChanged(actor audit.Actor, before, now []*configv1.PolicyOverride) []audit.Event {
	var all []audit.Event
	for _, o := range before {
		if !among(now, o) {
			all = append(all, overrideEvent(audit.OverrideRemove, actor, o))
		}
	}
	for _, o := range now {
		if !among(before, o) {
			all = append(all, overrideEvent(audit.OverrideAdd, actor, o))
		}
	}
	return all
}

func among(all []*configv1.PolicyOverride, one *configv1.PolicyOverride) bool {
	return slices.ContainsFunc(all, func(o *configv1.PolicyOverride) bool { return proto.Equal(o, one) })
}

// eventOf tells of an override that is or was in force, which may be one of memory.
func eventOf(action string, actor audit.Actor, o gateway.Override) audit.Event {
	e := overrideEvent(action, actor, asConfigured(o))
	switch {
	case o.ID == "":
	case action == audit.OverrideAdd:
		e.After += ", memory " + o.ID
	default:
		e.Before += ", memory " + o.ID
	}
	return e
}

func overrideEvent(action string, actor audit.Actor, o *configv1.PolicyOverride) audit.Event {
	e := audit.Event{Action: action, Actor: actor, Target: o.GetMethods(), Reason: o.GetReason()}
	text := o.GetPolicy().String()
	if o.GetExpires() != "" {
		text += ", until " + o.GetExpires()
	}
	if action == audit.OverrideAdd {
		e.After = text
	} else {
		e.Before = text
	}
	return e
}

// auditExpired tells of an override that has ended by itself.
func (p *process) auditExpired(o gateway.Override) {
	p.record(eventOf(audit.OverrideExpire, audit.Actor{Kind: audit.Process}, o))
}

// auditPurge has an operator's purge recorded before it is done.
func (p *process) auditPurge(r *http.Request, asked cache.Purge) error {
	target := strings.Join(asked.Tags, ", ")
	if asked.All {
		target = "all stored responses"
	}
	return p.audit.Guard(r.Context(), audit.Event{
		Action: audit.CachePurge, Actor: audit.Asked(r, admin.OperatorFrom(r.Context()).Name), Target: target, Reason: asked.Reason,
	})
}
