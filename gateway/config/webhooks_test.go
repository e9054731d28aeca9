package config_test

import (
	"strings"
	"testing"

	"github.com/venta-hq/venta/gateway/config"
)

func TestWebhookSecrets(t *testing.T) {
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	file := write(t, secret+"\n")
	loaded := load(t, reference(t, "webhooks: {secrets: {shop: {values: [{value_file: "+file+"}, {value: other}]}}}"))
	got := loaded.WebhookSecrets()["shop"]
	if len(got) != 2 || got[0].Reveal() != secret || got[1].Reveal() != "other" {
		t.Errorf("%d values", len(got))
	}
	noSecret(t, printed(t, loaded.WebhookSecrets()))
	if strings.Contains(printed(t, loaded.Config), "other") {
		t.Error("a value is printed")
	}
	for text, want := range map[string]string{
		"{shop: {values: []}}":   "webhooks.secrets.shop.values",
		"{shop: {values: [{}]}}": "webhooks.secrets.shop.values[0]: has no value; write value or value_file",
		"{shop: {values: [{value: a, value_file: " + file + "}]}}": "webhooks.secrets.shop.values[0].value_file: given beside value",
		"{Shop: {values: [{value: a}]}}":                           "must be a name of a-z",
		"{shop: {values: [{value_file: /nowhere}]}}":               "cannot be read",
	} {
		_, err := config.Load(reference(t, "webhooks: {secrets: "+text+"}"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// TestAChangedWebhookSecretIsSeen holds that neither value shows.
func TestAChangedWebhookSecretIsSeen(t *testing.T) {
	with := func(values string) *config.Loaded {
		return load(t, reference(t, "webhooks: {secrets: {shop: {values: ["+values+"]}}}"))
	}
	before := with("{value: first-value}")
	for _, values := range []string{"{value: second-value}", "{value: first-value}, {value: second-value}"} {
		changed := config.Changed(before, with(values))
		if len(changed) == 0 {
			t.Errorf("%s: changes %v", values, changed)
		}
		for _, c := range changed {
			if strings.Contains(c.String(), "first-value") || strings.Contains(c.String(), "second-value") {
				t.Errorf("it shows: %s", c)
			}
		}
	}
}
