package config

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Changed returns the paths of the fields in which two configurations differ,
// in alphabetical order. A list, a map and a block that one of the two lacks
// count as one field.
func Changed(a, b *Loaded) []string {
	paths := map[string]bool{}
	differ("", a.Config.ProtoReflect(), b.Config.ProtoReflect(), paths)
	for _, path := range []string{redisPassword, sentinelPassword} {
		if a.secrets[path].Reveal() != b.secrets[path].Reveal() {
			paths[path] = true
		}
	}
	return slices.Sorted(maps.Keys(paths))
}

func differ(path string, a, b protoreflect.Message, into map[string]bool) {
	fields := a.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		at := child(path, string(fd.Name()))
		if fd.Message() != nil && !fd.IsList() && !fd.IsMap() && !isScalar(fd) && a.Has(fd) && b.Has(fd) {
			differ(at, a.Get(fd).Message(), b.Get(fd).Message(), into)
			continue
		}
		if a.Has(fd) != b.Has(fd) || !a.Get(fd).Equal(b.Get(fd)) {
			into[at] = true
		}
	}
}

// within reports whether a path is one of the fields, or inside one.
func within(fields []string, path string) bool {
	return slices.ContainsFunc(fields, func(field string) bool {
		return path == field || strings.HasPrefix(path, field+".")
	})
}
