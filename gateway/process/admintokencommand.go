package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/venta-hq/venta/gateway/auth"
)

// admintokenCommand makes a token for the admin address.
type admintokenCommand struct {
	ID   string        `arg:"" help:"Name of whose it is, for people and logs."`
	Role string        `help:"What it permits: read, or operate, which is everything." enum:"read,operate" default:"read"`
	TTL  time.Duration `name:"ttl" help:"How long it holds (default: for ever)." placeholder:"DURATION"`
}

// Run prints the token, which is stored nowhere, and the entry for
// admin_access.tokens_file.
func (c *admintokenCommand) Run(e *environment) error {
	if c.TTL < 0 || c.TTL > 0 && c.TTL < time.Second {
		return errors.New("--ttl: must be at least 1s")
	}
	entry := auth.APIKey{ID: c.ID, Subject: c.ID, Roles: []string{c.Role}}
	if c.TTL > 0 {
		entry.Expires = time.Now().Add(c.TTL).UTC().Truncate(time.Second)
	}
	token, entry, err := auth.NewAPIKey(entry)
	if err != nil {
		return err
	}
	encoded, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	if _, err := parseAdminTokens("the entry", fmt.Appendf(nil, "[%s]", encoded)); err != nil {
		return err // no gateway would start with it
	}
	return e.printf("%s\n\nShow it to nobody but its user; it cannot be printed again. The entry of the file %s (a JSON array):\n\n%s\n", token, adminTokensField, encoded)
}
