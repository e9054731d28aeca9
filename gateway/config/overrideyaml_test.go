package config_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/config"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// texts are those that YAML, or the file's variables, could take for something else.
var texts = []string{
	"plain", "", "${HOME}", "$${HOME}", "${", "a: b", "a, b", "# c", " led", "true", "off", "null", "~", "1.50", "0x10", "2026-01-01", "- x", "*a", "&a",
	"!!int 1", "a\nb", "a\n\n", "\ttab", "é", "\u0085", "\u2028", "\x01", `"q"`, "'", "|", ">", "{a}", "[a]", "%", "@", "`", "?", strings.Repeat("long ", 60),
}

// filled sets each field, of a choice the first that was not yet taken.
func filled(m protoreflect.Message, next func() string, choice int) {
	taken := map[protoreflect.Name]bool{}
	for i := range m.Descriptor().Fields().Len() {
		fd := m.Descriptor().Fields().Get(i)
		if one := fd.ContainingOneof(); one != nil && !one.IsSynthetic() {
			if taken[one.Name()] || i < choice%one.Fields().Len() {
				continue
			}
			taken[one.Name()] = true
		}
		if !fd.IsList() {
			m.Set(fd, some(m, fd, next, choice))
			continue
		}
		list := m.Mutable(fd).List()
		for range 2 {
			if fd.Message() == nil {
				list.Append(some(m, fd, next, choice))
				continue
			}
			value := list.NewElement()
			filled(value.Message(), next, choice)
			list.Append(value)
		}
	}
}

func some(m protoreflect.Message, fd protoreflect.FieldDescriptor, next func() string, choice int) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(next())
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(choice%2 == 0)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(choice) - 2)
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(1<<53 + 1)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64([]float64{0.1, 1e21, 3}[choice%3])
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(fd.Enum().Values().Get(choice % fd.Enum().Values().Len()).Number())
	default:
		value := m.NewField(fd)
		filled(value.Message(), next, choice)
		return value
	}
}

// TestOverridesAreLoadedAsTheyAreWritten holds it for every field of the schema.
func TestOverridesAreLoadedAsTheyAreWritten(t *testing.T) {
	n := 0
	next := func() string { n++; return texts[n%len(texts)] }
	var all []*configv1.PolicyOverride
	var block strings.Builder
	block.WriteString("overrides:\n")
	for choice := range 40 {
		o := &configv1.PolicyOverride{Methods: "shop.v1.OrderService/*", Policy: &policyv1.Policy{}, Expires: "2026-11-28T01:02:03.5Z", Reason: texts[choice%len(texts)]}
		filled(o.GetPolicy().ProtoReflect(), next, choice)
		entry, err := config.OverrideYAML(o)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, o)
		block.WriteString(entry)
	}
	loaded, err := config.Load(config.Options{File: write(t, block.String())})
	if err != nil {
		t.Fatalf("%v\n%s", err, block.String())
	}
	for i, got := range loaded.Config.GetOverrides() {
		if !proto.Equal(got, all[i]) {
			t.Errorf("%v\nis not\n%v", got, all[i])
		}
	}
	if n < len(texts) || len(loaded.Config.GetOverrides()) != len(all) {
		t.Errorf("%d texts, %d overrides", n, len(loaded.Config.GetOverrides()))
	}
}

func TestOverrideYAMLIsReadable(t *testing.T) {
	got, err := config.OverrideYAML(&configv1.PolicyOverride{
		Methods: "**", Expires: "2026-11-28T01:02:03Z", Reason: "The database is slow: see #7.",
		Policy: &policyv1.Policy{
			Timeout:    &policyv1.Timeout{Duration: new("2s"), Mode: policyv1.Mode_MODE_SHADOW.Enum()},
			RateLimits: []*policyv1.RateLimit{{Requests: new(int64(5)), Interval: new("1m")}},
		},
	})
	const want = `  - methods: '**'
    policy:
      timeout: {duration: 2s, mode: shadow}
      rate_limits:
        - {requests: 5, interval: 1m}
    expires: "2026-11-28T01:02:03Z"
    reason: 'The database is slow: see #7.'
`
	if err != nil || got != want {
		t.Errorf("%v\n%s", err, got)
	}
}

// TestCheckOverride holds an override of no file to the same rules.
func TestCheckOverride(t *testing.T) {
	timeout := &policyv1.Policy{Timeout: &policyv1.Timeout{Duration: new("2s")}}
	if err := config.CheckOverride(&configv1.PolicyOverride{Methods: "**", Policy: timeout, Expires: "2026-11-28T01:02:03Z"}); err != nil {
		t.Error(err)
	}
	err := config.CheckOverride(&configv1.PolicyOverride{Methods: "x", Policy: &policyv1.Policy{}, Expires: "2026-11-31T01:02:03Z", Reason: strings.Repeat("x", 1025)})
	for _, want := range []string{"methods: must be PACKAGE.SERVICE/METHOD", "policy: has no block", "expires: no such time", "reason: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in: %v", want, err)
		}
	}
}
