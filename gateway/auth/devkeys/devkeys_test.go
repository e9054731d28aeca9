package devkeys

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// helperDir makes this test binary a process that opens the keys and prints
// their id.
const helperDir = "VENTA_DEVKEYS_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperDir); dir != "" {
		keys, err := Open(dir)
		if err != nil {
			_, _ = os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		kid, _ := keys.private.KeyID()
		_, _ = os.Stdout.WriteString(kid)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func open(t *testing.T, dir string) Keys {
	t.Helper()
	keys, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func thumbprint(t *testing.T, keys Keys) string {
	t.Helper()
	key, ok := keys.Public().Key(0)
	if !ok {
		t.Fatal("no public key")
	}
	kid, ok := key.KeyID()
	if !ok || kid == "" {
		t.Fatal("the key has no id")
	}
	return kid
}

func TestOpenMakesThenLoads(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	first, second := open(t, dir), open(t, dir)
	if thumbprint(t, first) != thumbprint(t, second) {
		t.Error("the second opening has other keys")
	}
	info, err := os.Stat(filepath.Join(dir, fileName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left over: %v, %v", entries, err)
	}
}

func TestPublicHoldsNoPrivatePart(t *testing.T) {
	data, err := json.Marshal(open(t, t.TempDir()).Public())
	if err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(data, &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%s: %v", data, err)
	}
	if _, ok := set.Keys[0]["d"]; ok || set.Keys[0]["alg"] != "EdDSA" || set.Keys[0]["use"] != "sig" {
		t.Errorf("public key %s", data)
	}
}

func TestSign(t *testing.T) {
	keys := open(t, t.TempDir())
	signed, err := keys.Sign(Claims{Subject: "user-1", Roles: []string{"system"}, Scopes: []string{"a", "b"}, TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Parse([]byte(signed), jwt.WithKeySet(keys.Public()), jwt.WithIssuer(Issuer), jwt.WithAudience(Audience))
	if err != nil {
		t.Fatal(err)
	}
	issued, _ := token.IssuedAt()
	expires, _ := token.Expiration()
	var scope string
	var roles []any
	if err := errors.Join(token.Get("scope", &scope), token.Get("roles", &roles)); err != nil {
		t.Fatal(err)
	}
	if len(roles) != 1 || roles[0] != "system" {
		t.Errorf("roles %v", roles)
	}
	if scope != "a b" || expires.Sub(issued) != time.Minute {
		t.Errorf("scope %q, lifetime %s", scope, expires.Sub(issued))
	}
	other := open(t, t.TempDir())
	if _, err := jwt.Parse([]byte(signed), jwt.WithKeySet(other.Public())); err == nil {
		t.Error("another key verified the token")
	}
}

func TestSignRefuses(t *testing.T) {
	keys := open(t, t.TempDir())
	for name, claims := range map[string]Claims{
		"no subject": {},
		"negative":   {Subject: "u", TTL: -time.Second},
		"too long":   {Subject: "u", TTL: maxTTL + 1},
	} {
		if token, err := keys.Sign(claims); err == nil {
			t.Errorf("%s: %s", name, token)
		}
	}
}

func TestOpenRefusesAndKeeps(t *testing.T) {
	good, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwk.Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	public, err := jwk.PublicSetOf(set)
	if err != nil {
		t.Fatal(err)
	}
	publicOnly, err := json.Marshal(public)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		data []byte
		mode os.FileMode
		want string
	}{
		"empty":            {nil, 0o600, "is damaged"},
		"random":           {[]byte{0, 1, 2, 3}, 0o600, "is damaged"},
		"cut":              {good[:len(good)/2], 0o600, "is damaged"},
		"public":           {publicOnly, 0o600, "is damaged"},
		"no key":           {[]byte(`{"keys":[]}`), 0o600, "is damaged"},
		"read by others":   {good, 0o640, "chmod 600"},
		"read by everyone": {good, 0o604, "chmod 600"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, fileName)
			if err := os.WriteFile(path, test.data, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, test.mode); err != nil {
				t.Fatal(err)
			}
			_, err := Open(dir)
			if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want the path and %q", err, test.want)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, test.data) {
				t.Errorf("the file was changed: %q, %v", after, err)
			}
		})
	}
}

func TestOpenWhereNothingCanBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(file, "dir")); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("error %v", err)
	}
}

func TestOpenAtOnceInOneProcess(t *testing.T) {
	dir := t.TempDir()
	ids := make([]string, 32)
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() {
			keys, err := Open(dir)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i], _ = keys.private.KeyID()
		})
	}
	group.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("ids differ: %v", ids)
		}
	}
}

func TestOpenAtOnceInSeveralProcesses(t *testing.T) {
	dir := t.TempDir()
	ids := make([]string, 6)
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() {
			command := exec.Command(os.Args[0])
			command.Env = append(os.Environ(), helperDir+"="+dir)
			out, err := command.CombinedOutput()
			if err != nil {
				t.Errorf("process %d: %v: %s", i, err, out)
			}
			ids[i] = string(out)
		})
	}
	group.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("ids differ: %v", ids)
		}
	}
}
