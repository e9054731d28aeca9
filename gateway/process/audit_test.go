package process_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/process"
)

// records reads an audit log.
func records(t *testing.T, path string) []map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // it is being moved
		t.Fatal(err)
	}
	var all []map[string]string
	for line := range bytes.Lines(text) {
		var one map[string]string
		if err := json.Unmarshal(line, &one); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, one)
	}
	return all
}

// audited waits for a record that holds all of the pairs.
func audited(t *testing.T, path string, pairs ...string) map[string]string {
	t.Helper()
	var found map[string]string
	within(t, waitLimit, "a record of "+strings.Join(pairs, " "), func() bool {
		for _, one := range records(t, path) {
			holds := true
			for i := 0; i < len(pairs); i += 2 {
				holds = holds && strings.Contains(one[pairs[i]], pairs[i+1])
			}
			if holds {
				found = one
				return true
			}
		}
		return false
	})
	return found
}

func purge(t *testing.T, url, body string, fields ...string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/cache/purge", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(fields); i += 2 {
		request.Header.Set(fields[i], fields[i+1])
	}
	response, err := fresh().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

// TestWhatIsAudited drives a process through everything that somebody may want to
// know of later.
func TestWhatIsAudited(t *testing.T) {
	folder := t.TempDir()
	path, keys := filepath.Join(folder, "audit.log"), filepath.Join(folder, "keys.json")
	secrets := keyFile(t, keys, "first", "second")
	base := "audit: {file: " + path + "}\nauth: {api_keys_file: " + keys + "}\n"
	p := shop(&policy.Auth{Requirement: policy.AuthRequired, Schemes: []policy.Scheme{policy.SchemeBearer, policy.SchemeAPIKey}})
	r := runWith(t, p, process.Options{ConfigFile: write(t, filepath.Join(folder, "shop.yaml"), base), Local: true})
	audited(t, path, "action", "process.start", "actor.kind", "process", "after", "v1.2.3")

	if got := purge(t, r.AdminURL, `{"tags": ["order:1", "order:2"], "reason": "a wrong price"}`); got != http.StatusOK {
		t.Errorf("purge: %d", got)
	}
	audited(t, path, "action", "cache.purge", "actor.kind", "operator", "actor.name", "local", "client.address", "127.0.0.1", "target", "order:1, order:2", "reason", "a wrong price")

	end := time.Now().Add(1500 * time.Millisecond).UTC().Format(time.RFC3339Nano)
	r.rewrite(t, base+"logging: {level: debug}\noverrides: [{methods: '**', policy: {timeout: {duration: 2s}}, reason: a slow disk, expires: '"+end+"'}]\n")
	audited(t, path, "action", "config.reload", "actor.kind", "file")
	audited(t, path, "action", "log.level.change", "before", "INFO", "after", "DEBUG")
	audited(t, path, "action", "override.add", "target", "**", "after", "2s", "reason", "a slow disk")
	audited(t, path, "action", "override.expire", "target", "**", "actor.kind", "process", "reason", "a slow disk")

	after := keyFile(t, keys+"~", "second", "third")
	if err := os.Rename(keys+"~", keys); err != nil {
		t.Fatal(err)
	}
	changed := audited(t, path, "action", "keys.change", "target", "auth.api_keys_file")
	if want := "came: third; went: first; replaced: second"; changed["after"] != want {
		t.Errorf("keys %q, want %q", changed["after"], want)
	}

	r.rewrite(t, base+"nonsense: 1\n")
	audited(t, path, "action", "config.reload", "error", "nonsense")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	r.hangup <- nil
	audited(t, path, "action", "config.reload", "actor.kind", "signal", "actor.name", "SIGHUP")
	r.stop()
	audited(t, path, "action", "process.stop", "actor.kind", "signal")
	for _, file := range []string{path, path + ".1"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{secrets["first"], secrets["second"], after["second"], after["third"]} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s holds a key", file)
			}
		}
	}
}

// TestWhatCannotBeRecordedIsNotDone holds what becomes of a purge while the disk is
// full: refused where records are required, and counted in any case.
func TestWhatCannotBeRecordedIsNotDone(t *testing.T) {
	for required, want := range map[string]int{"true": http.StatusServiceUnavailable, "false": http.StatusOK} {
		r := run(t, shop(nil), "audit: {file: /dev/full, required: "+required+"}\n")
		if got := purge(t, r.AdminURL, `{"all": true}`); got != want {
			t.Errorf("required %s: %d", required, got)
		}
		r.logged(t, `an audit record could not be written[^\n]*cache.purge`)
		within(t, waitLimit, "it is counted", func() bool { return r.metric(t, `venta_audit_lost_total(\{.*\})? [1-9]`) })
	}
}
