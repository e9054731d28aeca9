package config

import (
	"fmt"
	"maps"
	"slices"

	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// webhookValue is the path of one value of a webhook's secret.
func webhookValue(name string, i int) string {
	return item(fmt.Sprintf("webhooks.secrets.%s.values", name), i)
}

// checkWebhooks checks that each value is there once.
func (d *decoder) checkWebhooks(w *configv1.Webhooks) {
	for _, name := range slices.Sorted(maps.Keys(w.GetSecrets())) {
		for i, v := range w.GetSecrets()[name].GetValues() {
			switch at := webhookValue(name, i); {
			case v.GetValue() == "" && v.GetValueFile() == "":
				d.wrong(at, "has no value; write value or value_file")
			case v.GetValue() != "" && v.GetValueFile() != "":
				d.wrong(child(at, "value_file"), "given beside value; keep one of the two")
			}
		}
	}
}

// WebhookSecrets returns the values of the webhooks' secrets by name, each from its
// field or its file.
func (l *Loaded) WebhookSecrets() map[string][]Secret {
	found := map[string][]Secret{}
	for name, secret := range l.Config.GetWebhooks().GetSecrets() {
		for i := range secret.GetValues() {
			found[name] = append(found[name], l.SecretOrFile(child(webhookValue(name, i), "value")))
		}
	}
	return found
}
