package config

import "google.golang.org/protobuf/reflect/protoreflect"

// DefaultValues returns the core's defaults, as they are written.
func DefaultValues() map[protoreflect.FullName]any {
	defaults := map[protoreflect.FullName]any{}
	c := Defaults()
	collectDefaults(c.ProtoReflect(), defaults)
	collectDefaults(c.GetUpstreams()[defaultUpstream].ProtoReflect(), defaults)
	return defaults
}
