package process

import (
	"errors"
	"time"

	"github.com/venta-hq/venta/gateway/auth/devkeys"
)

// tokenCommand prints a token that the development keys sign.
type tokenCommand struct {
	Subject string        `help:"Who the token speaks for." required:"" placeholder:"NAME"`
	Role    []string      `help:"A role of the subject; may be repeated." placeholder:"ROLE"`
	Scope   []string      `help:"A scope of the token; may be repeated." placeholder:"SCOPE"`
	TTL     time.Duration `name:"ttl" help:"How long the token is valid." default:"24h" placeholder:"DURATION"`
	Data    string        `help:"Folder of the development keys." default:"${data}" placeholder:"DIR"`
}

// Run prints the token.
func (c *tokenCommand) Run(e *environment) error {
	if c.Subject == "" {
		return errors.New("--subject: must not be empty")
	}
	if c.TTL <= 0 {
		return errors.New("--ttl: must be positive")
	}
	keys, err := devkeys.Open(c.Data)
	if err != nil {
		return err
	}
	token, err := keys.Sign(devkeys.Claims{Subject: c.Subject, Roles: c.Role, Scopes: c.Scope, TTL: c.TTL})
	if err != nil {
		return err
	}
	return e.printf("%s\n", token)
}
