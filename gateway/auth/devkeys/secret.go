package devkeys

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const secretBytes = 32

// OpenSecret returns the secret in dir that deliveries of a webhook are verified with
// in development, and makes it where it is absent, as [Open] does keys. The name is one
// that policies have.
func OpenSecret(dir, name string) (string, error) {
	path := filepath.Join(dir, "dev-webhook-"+name+".secret")
	text, err := readPrivate(path)
	if errors.Is(err, os.ErrNotExist) {
		random := make([]byte, secretBytes)
		_, _ = rand.Read(random) // it never fails
		if err := write(path, []byte("whsec_"+base64.StdEncoding.EncodeToString(random))); err != nil {
			return "", fmt.Errorf("devkeys: the development secret cannot be made: %w", err)
		}
		text, err = readPrivate(path)
	}
	if err != nil {
		return "", fmt.Errorf("devkeys: %w", err)
	}
	return string(text), nil
}
