package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// mostShown bounds the part of a wrong value that a fault repeats.
const mostShown = 80

// validator compiles the rules of the schema, once.
var validator = sync.OnceValues(func() (protovalidate.Validator, error) {
	return protovalidate.New(protovalidate.WithMessages(&configv1.Config{}))
})

// check holds a configuration to the rules of the schema and its fields to each
// other.
func (d *decoder) check(c *configv1.Config) error {
	rules, err := validator()
	if err != nil {
		return fmt.Errorf("preparing validation: %w", err)
	}
	err = rules.Validate(c)
	var broken *protovalidate.ValidationError
	switch {
	case err == nil:
	case errors.As(err, &broken):
		for _, violation := range broken.Violations {
			d.violation(violation)
		}
	default:
		return fmt.Errorf("validating the configuration: %w", err)
	}
	d.checkAuth(c.GetAuth())
	d.checkRedis(c)
	d.checkOverrides(c.GetOverrides())
	return nil
}

// violation reports a broken rule where its value was written.
func (d *decoder) violation(v *protovalidate.Violation) {
	path := protovalidate.FieldPathString(v.Proto.GetField())
	if slices.ContainsFunc(d.faults, func(f Fault) bool { return f.Field == path && f.Field != "" }) {
		return // it could not even be read
	}
	from := d.origins.of(path)
	message := v.Proto.GetMessage()
	if fd := v.FieldDescriptor; fd != nil && fd.Kind() == protoreflect.StringKind && v.FieldValue.IsValid() && !fd.IsMap() {
		if text, ok := v.FieldValue.Interface().(string); ok {
			message += shown(fd, text, from.variable)
		}
	}
	d.wrong(path, message)
}

// wrong reports a fault where the field was written.
func (d *decoder) wrong(path, message string) {
	d.faults = append(d.faults, Fault{Source: d.origins.of(path).Source, Field: path, Message: message})
}

// shown returns what a fault adds to show a wrong value, and nothing for
// values that may hold a secret.
func shown(fd protoreflect.FieldDescriptor, text string, variable bool) string {
	if variable || isSecret(fd) || strings.Contains(text, "@") {
		return ""
	}
	return fmt.Sprintf(", not %q", shortened(text))
}

func shortened(text string) string {
	if len(text) <= mostShown {
		return text
	}
	return strings.ToValidUTF8(text[:mostShown], "") + "..."
}

func (d *decoder) checkAuth(a *configv1.Auth) {
	if a.GetJwksFile() != "" && a.GetIssuer() == "" {
		d.wrong("auth.jwks_file", "needs auth.issuer; name the issuer of your tokens")
	}
}

func (d *decoder) checkRedis(c *configv1.Config) {
	r := c.GetRedis()
	rules := []struct {
		broken        bool
		path, message string
	}{
		{r.GetMode() == configv1.Redis_MODE_SENTINEL && r.GetMasterName() == "", "redis.mode", "needs redis.master_name; name the master that the sentinels watch"},
		{r.GetMode() != configv1.Redis_MODE_SENTINEL && r.GetMasterName() != "", "redis.master_name", "belongs to mode sentinel; write that mode, or remove it"},
		{r.GetMode() != configv1.Redis_MODE_SENTINEL && r.GetSentinelPassword()+r.GetSentinelPasswordFile()+r.GetSentinelUsername() != "", "redis", "credentials of sentinels belong to mode sentinel; write that mode, or remove them"},
		{r.GetMode() == configv1.Redis_MODE_CLUSTER && r.GetDb() != 0, "redis.db", "a cluster has database 0 alone; remove it"},
		{r.GetMode() == configv1.Redis_MODE_SINGLE && len(r.GetAddresses()) > 1, "redis.addresses", "several addresses need mode sentinel or cluster; write one of them"},
		{r.GetMode() != configv1.Redis_MODE_SINGLE && len(r.GetAddresses()) == 0, "redis.mode", "needs redis.addresses"},
		{r.GetPassword() != "" && r.GetPasswordFile() != "", "redis.password_file", "given beside redis.password; keep one of the two"},
		{r.GetSentinelPassword() != "" && r.GetSentinelPasswordFile() != "", "redis.sentinel_password_file", "given beside redis.sentinel_password; keep one of the two"},
		{r.GetUsername() != "" && r.GetPassword()+r.GetPasswordFile() == "", "redis.username", "needs redis.password or redis.password_file"},
		{r.GetSentinelUsername() != "" && r.GetSentinelPassword()+r.GetSentinelPasswordFile() == "", "redis.sentinel_username", "needs redis.sentinel_password or redis.sentinel_password_file"},
		{c.GetCache().GetRemote() && len(r.GetAddresses()) == 0, "cache.remote", "needs redis.addresses; say where Redis is, or remove it"},
	}
	for _, rule := range rules {
		if rule.broken {
			d.wrong(rule.path, rule.message)
		}
	}
}

// checkOverrides checks what rules cannot: that there is a block, and dates, for
// there is no 31st of June.
func (d *decoder) checkOverrides(overrides []*configv1.PolicyOverride) {
	for i, override := range overrides {
		if p := override.GetPolicy(); p != nil && proto.Equal(p, &policyv1.Policy{}) {
			d.wrong(fmt.Sprintf("overrides[%d].policy", i), "has no block; say what it overrides, or remove the entry")
		}
		if text := override.GetExpires(); len(text) > 10 && text[10] == 'T' {
			if _, err := time.Parse(time.RFC3339, text); err != nil {
				d.wrong(fmt.Sprintf("overrides[%d].expires", i), "no such time; check the day, the hour and the offset")
			}
		}
	}
}
