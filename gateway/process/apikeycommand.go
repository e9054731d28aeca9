package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/venta-hq/venta/gateway/auth"
)

// apikeyCommand makes an API key.
type apikeyCommand struct {
	ID      string            `arg:"" help:"Name of the key, for people, limits and logs."`
	Subject string            `help:"Whom the key speaks for." required:"" placeholder:"NAME"`
	Scope   []string          `help:"Scopes that it holds." placeholder:"SCOPE"`
	Role    []string          `help:"Roles that it holds." placeholder:"ROLE"`
	Claim   map[string]string `help:"Further claims, such as plan=gold." placeholder:"NAME=VALUE"`
	TTL     time.Duration     `name:"ttl" help:"How long it holds (default: for ever)." placeholder:"DURATION"`
}

// Run prints the key, which is stored nowhere, and the entry for auth.api_keys_file.
func (c *apikeyCommand) Run(e *environment) error {
	if c.TTL < 0 || c.TTL > 0 && c.TTL < time.Second {
		return errors.New("--ttl: must be at least 1s")
	}
	entry := auth.APIKey{ID: c.ID, Subject: c.Subject, Scopes: c.Scope, Roles: c.Role}
	if c.TTL > 0 {
		entry.Expires = time.Now().Add(c.TTL).UTC().Truncate(time.Second)
	}
	for name, value := range c.Claim {
		if entry.Claims == nil {
			entry.Claims = map[string]any{}
		}
		entry.Claims[name] = value
	}
	key, entry, err := auth.NewAPIKey(entry)
	if err != nil {
		return err
	}
	encoded, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	if _, err := auth.ParseAPIKeys("the entry", fmt.Appendf(nil, "[%s]", encoded)); err != nil {
		return err // no gateway would start with it
	}
	return e.printf("%s\n\nShow it to nobody but its user; it cannot be printed again. The entry of the keys' file (a JSON array):\n\n%s\n", key, encoded)
}
