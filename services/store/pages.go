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

// loadPageTokens reads the key, which the first process makes.
func loadPageTokens(ctx context.Context, write *sql.DB) (pageTokens, error) {
	fresh := make([]byte, pageKeyBytes)
	_, _ = rand.Read(fresh) // never fails
	if _, err := write.ExecContext(ctx, insertSetting, pageKeySetting, hex.EncodeToString(fresh)); err != nil {
		return pageTokens{}, err
	}
	var text string
	if err := write.QueryRowContext(ctx, selectSetting, pageKeySetting).Scan(&text); err != nil {
		return pageTokens{}, err
	}
	key, err := hex.DecodeString(text)
	return pageTokens{key: key}, err
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
