package process

import (
	"crypto"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/lestrrat-go/jwx/v3/jwk"

	"github.com/venta-hq/venta/gateway/audit"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/config"
)

// keyFiles are the fields of files with keys, and what tells their keys apart.
var keyFiles = map[string]func(config.File) map[string]string{
	"auth.jwks_file":     keysOfSet,
	"auth.api_keys_file": apiKeysOf,
	signingKeys:          keysOfSet,
	"identity.jwks_file": keysOfSet,
}

// keysReplaced tells which keys came and went, by their ids.
func keysReplaced(actor audit.Actor, before, now *config.Loaded) []audit.Event {
	var all []audit.Event
	for _, field := range slices.Sorted(maps.Keys(keyFiles)) {
		was, is := before.File(field), now.File(field)
		if was.Path == is.Path && was.Content.Reveal() == is.Content.Reveal() {
			continue
		}
		if text := keysChanged(keyFiles[field](was), keyFiles[field](is)); text != "" {
			all = append(all, audit.Event{Action: audit.KeysChange, Actor: actor, Target: field, After: text})
		}
	}
	return append(all, webhooksReplaced(actor, before, now)...)
}

// auditRemoteKeys tells the same of keys that are fetched from an address.
func (p *process) auditRemoteKeys(before, now jwk.Set) {
	if text := keysChanged(keysByID(before), keysByID(now)); text != "" {
		p.record(audit.Event{Action: audit.KeysChange, Actor: audit.Actor{Kind: audit.Process}, Target: remoteIdentityKeys, After: text})
	}
}

// keysChanged says which ids came, went, and now name another key.
func keysChanged(before, now map[string]string) string {
	var came, went, replaced []string
	for id, key := range now {
		switch was, ok := before[id]; {
		case !ok:
			came = append(came, id)
		case was != key:
			replaced = append(replaced, id)
		}
	}
	for id := range before {
		if _, ok := now[id]; !ok {
			went = append(went, id)
		}
	}
	var texts []string
	for _, one := range []struct {
		what string
		ids  []string
	}{{"came", came}, {"went", went}, {"replaced", replaced}} {
		if len(one.ids) > 0 {
			texts = append(texts, one.what+": "+strings.Join(slices.Sorted(slices.Values(one.ids)), ", "))
		}
	}
	return strings.Join(texts, "; ")
}

// keysOfSet returns the keys of a JSON Web Key Set by id. What is no set was refused.
func keysOfSet(f config.File) map[string]string {
	set, err := auth.ParseKeys(f.Path, []byte(f.Content.Reveal()))
	if err != nil {
		return map[string]string{}
	}
	return keysByID(set)
}

func keysByID(set jwk.Set) map[string]string {
	found := map[string]string{}
	for i := range set.Len() {
		key, _ := set.Key(i)
		id, _ := key.KeyID()
		digest, _ := key.Thumbprint(crypto.SHA256) // of a key that was accepted
		found[id] = string(digest)
	}
	return found
}

// apiKeysOf returns API keys by id.
func apiKeysOf(f config.File) map[string]string {
	found := map[string]string{}
	var entries []auth.APIKey
	if json.Unmarshal([]byte(f.Content.Reveal()), &entries) != nil {
		return found
	}
	for _, entry := range entries {
		found[entry.ID] = entry.SHA256
	}
	return found
}
