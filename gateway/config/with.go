package config

import (
	"maps"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// with returns the configuration with some fields as they are in another one of
// the same program.
func (l *Loaded) with(fields []string, from *Loaded) *Loaded {
	if len(fields) == 0 {
		return l
	}
	mixed := l.clone()
	source := from.clone()
	for _, field := range fields {
		copyPath(field, source, mixed)
		replaceWithin(field, mixed.origins, from.origins)
		replaceWithin(field, mixed.secrets, from.secrets)
		replaceWithin(field, mixed.files, from.files)
	}
	return mixed
}

func (l *Loaded) clone() *Loaded {
	c := *l
	c.Config = proto.CloneOf(l.Config)
	c.extensions = map[string]block{}
	for name, own := range l.extensions {
		c.extensions[name] = block{own.path, proto.Clone(own.message.Interface()).ProtoReflect()}
	}
	c.origins, c.secrets, c.files = maps.Clone(l.origins), maps.Clone(l.secrets), maps.Clone(l.files)
	return &c
}

// replaceWithin makes the entries of a field those that they are in another map.
func replaceWithin[V any](field string, in, from map[string]V) {
	maps.DeleteFunc(in, func(path string, _ V) bool { return Within(path, field) })
	for path, value := range from {
		if Within(path, field) {
			in[path] = value
		}
	}
}

func copyPath(path string, from, to *Loaded) {
	if name, rest, nested := strings.Cut(path, "."); nested {
		if own, ok := to.extensions[name]; ok {
			copyField(rest, from.extensions[name].message, own.message)
			return
		}
	}
	copyField(path, from.Config.ProtoReflect(), to.Config.ProtoReflect())
}

func copyField(path string, from, to protoreflect.Message) {
	name, rest, nested := strings.Cut(path, ".")
	fd := to.Descriptor().Fields().ByName(protoreflect.Name(name))
	switch {
	case nested && fd.IsMap():
		copyEntry(rest, from.Get(fd).Map(), to.Mutable(fd).Map())
	case nested:
		copyField(rest, from.Get(fd).Message(), to.Mutable(fd).Message())
	case from.Has(fd):
		to.Set(fd, from.Get(fd))
	default:
		to.Clear(fd)
	}
}

// copyEntry copies an entry of a map, or a field in one. Keys may have dots.
func copyEntry(path string, from, to protoreflect.Map) {
	name := longest(path, append(keys(from), keys(to)...))
	rest := strings.TrimPrefix(path[len(name):], ".")
	switch key := keyOf(name); {
	case rest != "":
		copyField(rest, from.Get(key).Message(), to.Mutable(key).Message())
	case from.Has(key):
		to.Set(key, from.Get(key))
	default:
		to.Clear(key)
	}
}

// longest returns the longest of the names that a path begins with.
func longest(path string, names []string) (found string) {
	for _, name := range names {
		if len(name) > len(found) && Within(path, name) {
			found = name
		}
	}
	return found
}
