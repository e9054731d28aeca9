package process

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v3/jwk"

	"github.com/venta-hq/venta/gateway/audit"
	"github.com/venta-hq/venta/gateway/auth/devkeys"
)

// TestRemoteKeysAreAudited holds that keys which come by an address have a record as
// those of a file.
func TestRemoteKeysAreAudited(t *testing.T) {
	before, now := public(t), public(t)
	for _, set := range []jwk.Set{before, now} {
		key, _ := set.Key(0)
		if err := key.Set(jwk.KeyIDKey, "k"); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	record, err := audit.Open(audit.Options{Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	p := &process{audit: record}
	p.auditRemoteKeys(before, before)
	if log.Len() > 0 {
		t.Errorf("the same keys: %s", &log)
	}
	p.auditRemoteKeys(before, now)
	for _, want := range []string{`"keys.change"`, `"identity.jwks_url"`, `"process"`, `"replaced: k"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %s: %s", want, &log)
		}
	}
}

func public(t *testing.T) jwk.Set {
	t.Helper()
	keys, err := devkeys.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return keys.Public()
}
