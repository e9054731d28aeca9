package store

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/venta-hq/venta/services/fault"
)

const (
	pageKeySetting = "page_token_key"
	pageKeyBytes   = 32
	pageTimeBytes  = 8
	pageTagBytes   = 16
)

// position is where a page ends: the last vendor's place in the order.
type position struct {
	createdAt int64
	id        string
}

// pageTokens seals positions, so that clients can neither read meaning into a
// token nor make one. The key is the database's: every process honours the
// tokens of the others.
type pageTokens struct{ key []byte }

// addPageKey gives a new database its key.
func addPageKey(ctx context.Context, db *sql.DB) error {
	key := make([]byte, pageKeyBytes)
	_, _ = rand.Read(key) // never fails
	_, err := db.ExecContext(ctx, insertSetting, pageKeySetting, hex.EncodeToString(key))
	return err
}

// loadPageTokens reads the key.
func loadPageTokens(ctx context.Context, db *sql.DB) (pageTokens, error) {
	var text string
	if err := db.QueryRowContext(ctx, selectSetting, pageKeySetting).Scan(&text); err != nil {
		return pageTokens{}, fmt.Errorf("it is damaged: its key for page tokens: %w", err)
	}
	key, err := hex.DecodeString(text)
	if err != nil || len(key) != pageKeyBytes {
		return pageTokens{}, errors.New("it is damaged: its key for page tokens is malformed")
	}
	return pageTokens{key: key}, nil
}

func (t pageTokens) encode(p position) string {
	body := binary.BigEndian.AppendUint64(nil, uint64(p.createdAt))
	body = append(body, p.id...)
	return base64.RawURLEncoding.EncodeToString(append(body, t.tag(body)...))
}

func (t pageTokens) decode(token string) (position, error) {
	data, err := base64.RawURLEncoding.DecodeString(token)
	tagged := len(data) - pageTagBytes
	// Decoders skip line breaks; only the very text that was given out counts.
	if err != nil || tagged < pageTimeBytes || base64.RawURLEncoding.EncodeToString(data) != token ||
		!hmac.Equal(data[tagged:], t.tag(data[:tagged])) {
		return position{}, fault.Invalid("page_token", "is not a token of this list")
	}
	return position{
		createdAt: int64(binary.BigEndian.Uint64(data)),
		id:        string(data[pageTimeBytes:tagged]),
	}, nil
}

func (t pageTokens) tag(body []byte) []byte {
	mac := hmac.New(sha256.New, t.key)
	mac.Write(body)
	return mac.Sum(nil)[:pageTagBytes]
}
