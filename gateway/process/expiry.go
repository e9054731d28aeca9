package process

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/internal/instrument"
)

// credentialKind is what a file of the configuration holds.
type credentialKind string

const (
	certificate credentialKind = "certificate" // a chain, which is void with the first of it
	authority   credentialKind = "authority"   // those who may sign, of which others remain
	signingKey  credentialKind = "key"
	apiKey      credentialKind = "api_key"
)

// span is from when to when a credential is valid.
type span struct{ from, until time.Time } // from is zero where it is not known

// expiring is a file whose content expires.
type expiring struct {
	field string // that names it
	kind  credentialKind
	spans []span
}

// next returns what expires next. What has expired is void already and hides nothing,
// unless a chain is void with it, or nothing else is left.
func (e expiring) next(now time.Time) span {
	byEnd := func(a, b span) int { return a.until.Compare(b.until) }
	valid := slices.DeleteFunc(slices.Clone(e.spans), func(s span) bool { return !now.Before(s.until) })
	switch {
	case e.kind == certificate:
		return slices.MinFunc(e.spans, byEnd)
	case len(valid) > 0:
		return slices.MinFunc(valid, byEnd)
	default:
		return slices.MaxFunc(e.spans, byEnd)
	}
}

// expiringFiles returns what expires of a configuration, by field.
func expiringFiles(loaded *config.Loaded) []expiring {
	kinds := map[string]credentialKind{
		"auth.api_keys_file": apiKey, adminTokensField: apiKey,
		"auth.jwks_file": signingKey, signingKeys: signingKey, identityKeys: signingKey,
	}
	blocks := []string{httpListener + ".tls", adminListener + ".tls", "redis.tls"}
	for _, name := range slices.Sorted(maps.Keys(loaded.Config.GetUpstreams())) {
		blocks = append(blocks, "upstreams."+name+".connection.tls")
	}
	for _, block := range blocks {
		kinds[block+".cert_file"], kinds[block+".ca_file"] = certificate, authority
	}
	var all []expiring
	for _, field := range slices.Sorted(maps.Keys(kinds)) {
		kind := kinds[field]
		if spans := spansOf(kind, []byte(loaded.File(field).Content.Reveal())); len(spans) > 0 {
			all = append(all, expiring{field, kind, spans})
		}
	}
	return all
}

// spansOf reads a file that was accepted. What never expires is left out.
func spansOf(kind credentialKind, content []byte) []span {
	switch kind {
	case certificate, authority:
		return certificateSpans(content)
	case signingKey:
		return keySpans(content)
	default:
		return apiKeySpans(content)
	}
}

func certificateSpans(content []byte) []span {
	var spans []span
	for {
		var block *pem.Block
		if block, content = pem.Decode(content); block == nil {
			return spans
		}
		if read, err := x509.ParseCertificate(block.Bytes); block.Type == "CERTIFICATE" && err == nil {
			spans = append(spans, span{read.NotBefore, read.NotAfter})
		}
	}
}

// keySpans reads the member exp of keys, which OpenID Federation has added to RFC 7517.
func keySpans(content []byte) []span {
	var set struct {
		Keys []struct {
			Exp float64 `json:"exp"`
		} `json:"keys"`
	}
	if json.Unmarshal(content, &set) != nil {
		return nil
	}
	var spans []span
	for _, key := range set.Keys {
		if key.Exp > 0 {
			spans = append(spans, span{until: time.Unix(int64(key.Exp), 0)})
		}
	}
	return spans
}

func apiKeySpans(content []byte) []span {
	var entries []auth.APIKey
	if json.Unmarshal(content, &entries) != nil {
		return nil
	}
	var spans []span
	for _, entry := range entries {
		if !entry.Expires.IsZero() {
			spans = append(spans, span{until: entry.Expires})
		}
	}
	return spans
}

// observeExpiry shows when what the configuration in force names expires. Its files are
// read once for each configuration.
func observeExpiry(making instrument.Maker, current func() *config.Loaded) error {
	type read struct {
		of  *config.Loaded
		all []expiring
	}
	var last atomic.Pointer[read]
	files := func() []expiring {
		now, known := current(), last.Load()
		if known == nil || known.of != now {
			known = &read{now, expiringFiles(now)}
			last.Store(known)
		}
		return known.all
	}
	expiry, lifetime := making.Gauge(instrument.CredentialExpiry), making.Gauge(instrument.CredentialLifetime)
	return making.Together(func(_ context.Context, to metric.Observer) error {
		now := time.Now()
		for _, file := range files() {
			of := metric.WithAttributes(
				attribute.String("venta.credential.name", file.field), attribute.String("venta.credential.kind", string(file.kind)))
			next := file.next(now)
			to.ObserveInt64(expiry, next.until.Unix(), of)
			if !next.from.IsZero() {
				to.ObserveInt64(lifetime, int64(next.until.Sub(next.from)/time.Second), of)
			}
		}
		return nil
	}, expiry, lifetime)
}
