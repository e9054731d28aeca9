// Package config reads the configuration of a gateway process: a
// venta.config.v1.Config written as YAML.
package config

import (
	"fmt"
	"net/netip"
	"os"

	"buf.build/go/protovalidate"
	"buf.build/go/protoyaml"
	"google.golang.org/protobuf/proto"

	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// The defaults of the fields that have one; see the schema.
const (
	DefaultHTTP      = "127.0.0.1:8080"
	DefaultAdmin     = "127.0.0.1:8081"
	defaultCacheSize = 64 << 20
)

// DefaultUpstreams returns where the services are unless the file says
// otherwise.
func DefaultUpstreams() *configv1.Upstreams {
	return &configv1.Upstreams{Vendor: "127.0.0.1:9001", User: "127.0.0.1:9002", Location: "127.0.0.1:9003"}
}

// Load reads and checks a file and fills the defaults in; path "" gives the
// defaults alone. The error names the file, the line and the field of
// everything that is wrong, and unknown fields are wrong.
func Load(path string) (*configv1.Config, error) {
	c := &configv1.Config{}
	if path != "" {
		if err := read(path, c); err != nil {
			return nil, err
		}
	}
	if err := check(c); err != nil {
		return nil, fmt.Errorf("configuration %s: %w", path, err)
	}
	fill(c)
	return c, nil
}

func read(path string, into *configv1.Config) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	validator, err := protovalidate.New()
	if err != nil {
		return fmt.Errorf("preparing validation: %w", err)
	}
	options := protoyaml.UnmarshalOptions{Path: path, Validator: yamlValidator{validator}}
	if err := options.Unmarshal(text, into); err != nil {
		return fmt.Errorf("configuration %s: %w", path, err)
	}
	return nil
}

// yamlValidator lets protoyaml report broken rules at their lines.
type yamlValidator struct{ protovalidate.Validator }

// Validate implements protoyaml.Validator.
func (v yamlValidator) Validate(m proto.Message) error { return v.Validator.Validate(m) }

// check holds the fields to each other.
func check(c *configv1.Config) error {
	if a := c.GetAuth(); a.GetJwksFile() != "" && a.GetIssuer() == "" {
		return fmt.Errorf("auth.issuer: required with auth.jwks_file; name the issuer of your tokens")
	}
	return nil
}

func fill(c *configv1.Config) {
	orDefault(&c.Http, DefaultHTTP)
	orDefault(&c.Admin, DefaultAdmin)
	if c.Upstreams == nil {
		c.Upstreams = &configv1.Upstreams{}
	}
	targets := DefaultUpstreams()
	orDefault(&c.Upstreams.Vendor, targets.GetVendor())
	orDefault(&c.Upstreams.User, targets.GetUser())
	orDefault(&c.Upstreams.Location, targets.GetLocation())
	if c.Auth == nil {
		c.Auth = &configv1.Auth{}
	}
	if c.Cache == nil {
		c.Cache = &configv1.Cache{}
	}
	if c.Cache.MaxBytes == 0 {
		c.Cache.MaxBytes = defaultCacheSize
	}
}

func orDefault(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// TrustedProxies returns the proxies of a checked configuration.
func TrustedProxies(c *configv1.Config) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, text := range c.GetTrustedProxies() {
		if addr, err := netip.ParseAddr(text); err == nil {
			prefixes = append(prefixes, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("trusted_proxies: %w", err)
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes, nil
}
