package main

import (
	"fmt"
	"io"
	"time"

	"github.com/venta-hq/venta/gateway/auth/devkeys"
	"github.com/venta-hq/venta/gateway/process"
)

// welcome prints three requests that work as they stand.
func welcome(w io.Writer, started process.Started) error {
	keys, err := devkeys.Open(started.Data)
	if err != nil {
		return err
	}
	token, err := keys.Sign(devkeys.Claims{Subject: "ada", TTL: 24 * time.Hour})
	if err != nil {
		return err
	}
	base := started.HTTPURL
	_, err = fmt.Fprintf(w, `
Make a vendor, list the vendors, list your own:

curl -i -X POST %s/v2/vendors -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' -d '{"name":"Tacos Ada","email":"ada@example.com"}'

curl -i %s/v2/vendors -H 'Authorization: Bearer %s'

curl -i %s/v1/users/me/vendors -H 'Authorization: Bearer %s'

`, base, token, base, token, base, token)
	return err
}
