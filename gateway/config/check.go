package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
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

// validator compiles the rules of the schema, once; those of a program's blocks
// when they are first checked.
var validator = sync.OnceValues(func() (protovalidate.Validator, error) {
	rules, err := protovalidate.New(protovalidate.WithMessages(&configv1.Config{}))
	if err != nil {
		return nil, fmt.Errorf("preparing validation: %w", err)
	}
	return rules, nil
})

// check holds a configuration to the rules of the schema and its fields to each
// other.
func (d *decoder) check(l *Loaded) error {
	rules, err := validator()
	if err != nil {
		return err
	}
	for _, b := range l.blocks() {
		if err := d.violations(rules.Validate(b.message.Interface()), b.path); err != nil {
			return err
		}
	}
	d.checkAddresses(l.Config)
	d.checkCors(l.Config)
	d.checkAuth(l.Config.GetAuth())
	d.checkIdentity(l.Config.GetIdentity())
	d.checkRedis(l.Config)
	d.checkOverrides(l.Config.GetOverrides())
	d.checkHealth(l.Config)
	d.checkAdmin(l.Config.GetAdminAccess())
	d.checkWebhooks(l.Config.GetWebhooks())
	d.checkEvents(l.Config)
	return nil
}

// violations reports the broken rules of a block. The error is one of the rules
// themselves.
func (d *decoder) violations(err error, path string) error {
	var broken *protovalidate.ValidationError
	switch {
	case err == nil:
	case errors.As(err, &broken):
		read := len(d.faults)
		for _, violation := range broken.Violations {
			d.violation(violation, path, read)
		}
	default:
		return fmt.Errorf("validating the configuration: %w", err)
	}
	return nil
}

// violation reports a broken rule where its value was written. The faults before read
// are of what could not be read.
func (d *decoder) violation(v *protovalidate.Violation, block string, read int) {
	path := strings.TrimSuffix(child(block, unbracketed(protovalidate.FieldPathString(v.Proto.GetField()))), ".")
	known := d.faults // one fault for a value; a block has as many as it breaks rules
	if v.FieldDescriptor == nil || v.FieldDescriptor.Kind() == protoreflect.MessageKind {
		known = d.faults[:read]
	}
	if slices.ContainsFunc(known, func(f Fault) bool { return f.Field == path && f.Field != "" }) {
		return
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

var bracketed = regexp.MustCompile(`\["((?:[^"\\]|\\.)*)"\]`)

// unbracketed writes the keys of maps in a path of protovalidate as paths have
// them here: upstreams.orders for upstreams["orders"].
func unbracketed(path string) string {
	return bracketed.ReplaceAllStringFunc(path, func(key string) string {
		name, err := strconv.Unquote(key[1 : len(key)-1])
		if err != nil {
			return key
		}
		return "." + name
	})
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

// checkAddresses refuses two addresses that the process cannot listen on at once.
func (d *decoder) checkAddresses(c *configv1.Config) {
	httpHost, httpPort, err := net.SplitHostPort(c.GetHttp())
	adminHost, adminPort, err2 := net.SplitHostPort(c.GetAdmin())
	if err != nil || err2 != nil || httpPort != adminPort || httpPort == "0" {
		return
	}
	if listensOnAll(httpHost) || listensOnAll(adminHost) || sameHost(httpHost) == sameHost(adminHost) {
		d.wrong("admin", "is the address of http, too; give it another port")
	}
}

func listensOnAll(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "" || err == nil && addr.IsUnspecified()
}

// sameHost writes spellings of one host alike.
func sameHost(host string) string {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().String()
	}
	if strings.EqualFold(host, "localhost") {
		return "127.0.0.1"
	}
	return strings.ToLower(host)
}

// checkCors refuses origins that a second field makes meaningless.
func (d *decoder) checkCors(c *configv1.Config) {
	if c.GetCors().GetAnyOrigin() && len(c.GetAllowedOrigins()) > 0 {
		d.wrong("cors.any_origin", "every origin may call, so that allowed_origins means nothing; leave one of the two out")
	}
}

func (d *decoder) checkAuth(a *configv1.Auth) {
	if a.GetJwksFile() != "" && a.GetIssuer() == "" {
		d.wrong("auth.jwks_file", "needs auth.issuer; name the issuer of your tokens")
	}
}

func (d *decoder) checkIdentity(i *configv1.Identity) {
	if i.GetSigningKeysFile() != "" && i.GetForm() != configv1.Identity_FORM_TOKEN {
		d.wrong("identity.signing_keys_file", "needs form token; write it, or remove the keys")
	}
	if i.GetJwksFile() != "" && i.GetJwksUrl() != "" {
		d.wrong("identity.jwks_file", "given beside identity.jwks_url; keep one of the two")
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
		d.checkOverride(override, item("overrides", i))
	}
}

func (d *decoder) checkOverride(override *configv1.PolicyOverride, path string) {
	if p := override.GetPolicy(); p != nil && proto.Equal(p, &policyv1.Policy{}) {
		d.wrong(child(path, "policy"), "has no block; say what it overrides, or remove the entry")
	}
	if text := override.GetExpires(); len(text) > 10 && text[10] == 'T' {
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			d.wrong(child(path, "expires"), "no such time; check the day, the hour and the offset")
		}
	}
}
