package process

import (
	"github.com/lestrrat-go/jwx/v3/jwk"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/auth/identity"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// What upstreams learn of the caller. Services in this process get the gateway's
// signed word, whose keys never leave it: nothing that somebody on the network sends can
// pass for it.

const (
	signingKeys  = "identity.signing_keys_file"
	identityKeys = "identity.jwks_file"

	remoteIdentityKeys = "identity.jwks_url"
)

// signingKeys returns the private keys of a fleet; nil: the process has its own.
func (p *preparation) signingKeys() jwk.Set {
	if p.noFiles || p.loaded.Config.GetIdentity().GetSigningKeysFile() == "" {
		return nil
	}
	file := p.loaded.File(signingKeys)
	keys, err := identity.ParseKeys(file.Path, []byte(file.Content.Reveal()))
	if err != nil {
		p.wrong(signingKeys, err)
	}
	return keys
}

// identityVerifier verifies the gateways' word in a service that runs alone. Nil: it
// takes nobody's.
func (p *preparation) identityVerifier(audience string) auth.Verifier {
	cfg := p.loaded.Config.GetIdentity()
	var (
		keys  auth.KeySource
		err   error
		field = remoteIdentityKeys
	)
	switch {
	case cfg.GetJwksUrl() != "":
		keys, err = auth.NewRemoteKeys(cfg.GetJwksUrl(), auth.RemoteKeysOptions{OnChange: p.onRemoteKeys})
	case cfg.GetJwksFile() != "":
		field = identityKeys
		keys, err = p.fileKeys()
	default:
		return nil
	}
	if err != nil {
		p.wrong(field, err)
		return nil
	}
	v, err := auth.NewIdentityVerifier(auth.IdentityOptions{Audience: audience, Keys: keys, Issuer: cfg.GetIssuer()})
	if err != nil {
		p.wrong("identity", err)
		return nil
	}
	return v
}

func (p *preparation) fileKeys() (auth.KeySource, error) {
	file := p.loaded.File(identityKeys)
	keys, err := auth.ParseKeys(file.Path, []byte(file.Content.Reveal()))
	return auth.StaticKeys(keys), err
}

// addSigner makes what signs for this process, where somebody gets its word: every
// upstream, or the services in this process.
func (p *process) addSigner(keys jwk.Set, local bool) error {
	cfg := p.loaded.Config.GetIdentity()
	if cfg.GetForm() == configv1.Identity_FORM_NONE || cfg.GetForm() != configv1.Identity_FORM_TOKEN && !local {
		return nil
	}
	var err error
	p.signer, err = identity.NewSigner(identity.SignerOptions{
		Issuer: cfg.GetIssuer(), Lifetime: cfg.GetLifetime().AsDuration(), Keys: keys,
	})
	return err
}

// tellUpstreams completes the options of a gateway.
func (p *process) tellUpstreams(o *gateway.Options, local bool) {
	o.Identity.Signer = p.signer
	if local && p.loaded.Config.GetIdentity().GetForm() != configv1.Identity_FORM_TOKEN {
		o.Identity.Signed = p.program.Upstreams.local()
	}
}

// localIdentity verifies this process's word in one of its services.
func (p *process) localIdentity(name string) (auth.Verifier, error) {
	return auth.NewIdentityVerifier(auth.IdentityOptions{
		Audience: name, Keys: p.signer, Issuer: p.loaded.Config.GetIdentity().GetIssuer(),
	})
}
