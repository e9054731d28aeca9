package assembly

import "github.com/venta-hq/venta/gateway/auth"

// requestAuth authenticates and authorizes.
func (b *builder) requestAuth() Step {
	if b.rpc.Policy.Auth == nil {
		return nil
	}
	step, err := auth.New(*b.rpc.Policy.Auth, auth.Options{
		Verifier: b.env.Verifier,
		APIKeys:  b.env.APIKeys,
		OnError:  refuse,
		OnShadow: b.onShadow("auth"),
	})
	return made(b, step, err)
}
