package process

import (
	"errors"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/config"
)

// keysNeeded says what to do where tokens must be verified and nothing may.
const keysNeeded = "there are no keys to verify tokens with: name the file of your issuer's, or let the process make its own " +
	"with --dev-keys (auth.development_keys), with which whoever reads its data folder can sign any token"

// keyless makes the error of a policy that needs a verifier say what to configure.
func keyless(loaded *config.Loaded, err error) error {
	if !errors.Is(err, auth.ErrNoVerifier) {
		return err
	}
	return errors.Join(err, loaded.Fault("auth.jwks_file", keysNeeded))
}

// devKeys returns what verifies tokens where no keys are configured: the
// development keys, where somebody has asked for them.
func (p *process) devKeys(loaded *config.Loaded) func() (auth.Verifier, error) {
	return func() (auth.Verifier, error) {
		if !p.dev && !loaded.Config.GetAuth().GetDevelopmentKeys() {
			return nil, nil
		}
		return openDevKeys(loaded.Config.GetAuth(), p.data)
	}
}

// verified returns what an RPC's policy is built with: nothing where no token
// can be right, so that one that asks for a token is refused.
func (p *process) verified() auth.Verifier {
	if p.verifier == nil {
		return nil
	}
	return p.verifier
}
