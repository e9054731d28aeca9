package process

import (
	"fmt"
	"maps"
	"slices"

	"github.com/venta-hq/venta/gateway/audit"
	"github.com/venta-hq/venta/gateway/auth/devkeys"
	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/webhook"
)

// unreadSecret stands for a webhook's secret that nobody has read. Nothing is verified
// with it.
const unreadSecret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// webhooks returns the values of the webhooks' secrets.
func (p *preparation) webhooks() map[string][]string {
	found := map[string][]string{}
	for name, values := range p.loaded.WebhookSecrets() {
		for _, value := range values {
			text := value.Reveal()
			if p.noFiles {
				text = unreadSecret
			}
			found[name] = append(found[name], text)
		}
	}
	return found
}

// missingSecret returns what makes a webhook's secret that is not configured; nil where
// nobody may.
func (p *process) missingSecret() func(string) (string, error) {
	if !p.dev && !p.loaded.Config.GetAuth().GetDevelopmentKeys() {
		return nil
	}
	return func(name string) (string, error) { return devkeys.OpenSecret(p.data, name) }
}

// pretendedSecret takes the place of missingSecret where nothing is verified.
func pretendedSecret(devKeys bool) func(string) (string, error) {
	if !devKeys {
		return nil
	}
	return func(string) (string, error) { return unreadSecret, nil }
}

// setWebhooks has deliveries verified with what is configured now.
func (p *process) setWebhooks(values map[string][]string) error {
	if p.webhooks == nil {
		return nil
	}
	return p.webhooks.Replace(values)
}

// checkWebhooks tells whether that could be done.
func (p *process) checkWebhooks(values map[string][]string) error {
	if p.webhooks == nil {
		return nil
	}
	return p.webhooks.Check(values)
}

// addWebhooks makes what deliveries are verified with.
func (p *process) addWebhooks(values map[string][]string) *webhook.Secrets {
	p.webhooks = webhook.NewSecrets(values, p.missingSecret())
	return p.webhooks
}

// webhooksReplaced tells how many values of each webhook's secret came and went. Nothing
// of a value is told, not even a digest, which somebody could guess by.
func webhooksReplaced(actor audit.Actor, before, now *config.Loaded) []audit.Event {
	was, is := before.WebhookSecrets(), now.WebhookSecrets()
	names := maps.Clone(was)
	maps.Copy(names, is)
	var all []audit.Event
	for _, name := range slices.Sorted(maps.Keys(names)) {
		came, went := without(is[name], was[name]), without(was[name], is[name])
		if came+went == 0 {
			continue
		}
		all = append(all, audit.Event{
			Action: audit.KeysChange, Actor: actor, Target: "webhooks.secrets." + name,
			After: fmt.Sprintf("%d came, %d went, %d are valid", came, went, len(is[name])),
		})
	}
	return all
}

// without counts the values that others do not have.
func without(values, others []config.Secret) int {
	n := 0
	for _, v := range values {
		if !slices.ContainsFunc(others, func(o config.Secret) bool { return o.Reveal() == v.Reveal() }) {
			n++
		}
	}
	return n
}
