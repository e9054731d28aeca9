package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// defaultUpstream is the entry whose values hold where an upstream says nothing.
const defaultUpstream = "default"

// isUpstreams reports whether a field is the map of upstreams.
func isUpstreams(fd protoreflect.FieldDescriptor) bool {
	return fd.FullName() == "venta.config.v1.Config.upstreams"
}

// isUpstream reports an entry that is no upstream of the program, or written as
// it was while upstreams was a block: each once, with what to write.
func (d *decoder) isUpstream(path string, key, value *yaml.Node) bool {
	_, known := d.program.targets[key.Value]
	switch {
	case !known && key.Value == "connection":
		d.fault(path, key, "has moved; write it as upstreams.default.connection")
	case !known && key.Value == "connections":
		d.fault(path, key, "has moved; write each entry as upstreams.NAME.connection")
	case !known && key.Value != defaultUpstream:
		d.fault("upstreams", key, d.unknownUpstream(key.Value))
	case value.Kind == yaml.ScalarNode:
		d.fault(path, value, fmt.Sprintf("has become a block; write %s: {target: %s}", key.Value, targetShown(value.Value)))
	default:
		return true
	}
	return false
}

// moved is the variable that takes the place of one which set a field while
// upstreams was a block, or nothing.
func (p *program) moved(variable string) string {
	const before, now = environmentPrefix + "UPSTREAMS_CONNECTION_", environmentPrefix + "UPSTREAMS_DEFAULT_CONNECTION_"
	if rest, ok := strings.CutPrefix(variable, before); ok && p.variables[now+rest] != "" {
		return now + rest
	}
	if target := variable + "_TARGET"; strings.HasPrefix(p.variables[target], "upstreams.") {
		return target
	}
	return ""
}

// targetShown is a target as a remedy repeats it.
func targetShown(text string) string {
	if strings.ContainsAny(text, "@$") {
		return "TARGET"
	}
	return fmt.Sprintf("%q", shortened(text))
}

func (d *decoder) unknownUpstream(name string) string {
	if len(d.program.names) == 0 {
		return fmt.Sprintf("unknown upstream %q; this program has none", shortened(name))
	}
	return fmt.Sprintf("unknown upstream %q%s", shortened(name), suggest(name, append(slices.Clone(d.program.names), defaultUpstream)))
}

// cutUpstream cuts the path of a field after "upstreams." behind the name of an
// upstream, which may have dots.
func (d *decoder) cutUpstream(path string) (name, rest string, err error) {
	for _, known := range append([]string{defaultUpstream}, d.program.names...) {
		if inside, ok := strings.CutPrefix(path, known+"."); ok && len(known) > len(name) {
			name, rest = known, inside
		}
	}
	if name == "" {
		wrong, _, _ := strings.Cut(path, ".")
		return "", "", errors.New(d.unknownUpstream(wrong))
	}
	return name, rest, nil
}

// resolveUpstreams fills in what each upstream of the program does not say, and
// checks what comes of it.
func (d *decoder) resolveUpstreams(l *Loaded, noFiles bool) error {
	rules, err := validator()
	if err != nil {
		return err
	}
	wrong := slices.ContainsFunc(d.faults, func(f Fault) bool { return Within(f.Field, "upstreams") })
	written := l.Config.GetUpstreams()
	for _, name := range d.program.names {
		effective := laidOver(written[defaultUpstream], written[name])
		if effective.GetTarget() == "" {
			effective.Target = d.program.targets[name]
		}
		written[name] = effective
		path := child("upstreams", name)
		d.inherit(path)
		if wrong {
			continue // it would be said of each upstream again
		}
		if err := d.violations(rules.Validate(effective), path); err != nil {
			return err
		}
		d.checkUpstream(l, path, effective, noFiles)
	}
	return nil
}

// laidOver returns what an upstream says over what all of them do.
func laidOver(common, own *configv1.Upstream) *configv1.Upstream {
	effective := &configv1.Upstream{}
	proto.Merge(effective, common)
	if own.GetConnection().GetTls() != nil && effective.GetConnection().GetTls() != nil {
		effective.Connection.Tls.Disabled = nil // the block turns TLS on again
	}
	proto.Merge(effective, own)
	if effective.GetConnection().GetTls().GetDisabled() {
		effective.Connection.Tls = nil
	}
	return effective
}

// inherit gives fields that an upstream does not write the place of those that it
// has them from.
func (d *decoder) inherit(path string) {
	const common = "upstreams." + defaultUpstream
	for _, field := range slices.Collect(maps.Keys(d.origins)) {
		rest, ok := strings.CutPrefix(field, common+".")
		if !ok {
			continue
		}
		if _, own := d.origins[child(path, rest)]; !own {
			d.origins[child(path, rest)] = d.origins[field]
		}
	}
}

// checkUpstream checks an upstream as the start would.
func (d *decoder) checkUpstream(l *Loaded, path string, u *configv1.Upstream, noFiles bool) {
	field := child(path, "target")
	if u.GetTarget() == "" {
		d.wrong(field, "there is no target; write one, or one for all as upstreams.default.target")
		return
	}
	scheme, err := checkTarget(u.GetTarget())
	if err != nil {
		d.wrong(field, err.Error()+d.shownTarget(field, u.GetTarget()))
		return
	}
	if scheme != "xds" {
		return
	}
	if u.GetConnection().GetConnectionsPerAddress() > 1 {
		d.wrong(child(path, "connection.connections_per_address"), "must be 1 for a target of xds, whose control plane makes the connections")
	}
	switch {
	case noFiles:
		l.unread = append(l.unread, l.Fault(field, "the bootstrap of xds was not looked for"))
	case !d.isSet("GRPC_XDS_BOOTSTRAP") && !d.isSet("GRPC_XDS_BOOTSTRAP_CONFIG"):
		d.wrong(field, "xds needs a bootstrap; set GRPC_XDS_BOOTSTRAP to its file, or GRPC_XDS_BOOTSTRAP_CONFIG to its text")
	}
}

func (d *decoder) isSet(variable string) bool {
	value, _ := d.env(variable)
	return value != ""
}

func (d *decoder) shownTarget(field, target string) string {
	fd := (&configv1.Upstream{}).ProtoReflect().Descriptor().Fields().ByName("target")
	return shown(fd, target, d.origins.of(field).variable)
}
