package rediscache

import (
	"crypto/rand"
	"encoding/base64"

	"github.com/venta-hq/venta/gateway/cache"
)

// keys names what is in Redis.
type keys struct {
	decides string // begins what is in the slot that decides
	epoch   string
	run     string
	members string
	purges  string
	entries string
}

func newKeys(prefix string) keys {
	decides := "{" + prefix + "cache}:"
	return keys{
		decides: decides,
		epoch:   decides + "epoch",
		run:     decides + "run",
		members: decides + "members",
		purges:  decides + "purge",
		entries: prefix + "cache:{",
	}
}

func (k *keys) inbox(id processID) string { return k.decides + "to:" + id.String() }

// tags returns the epoch's key and those of the tags, in order.
func (k *keys) tags(tags []cache.TagID) []string {
	list := make([]string, 0, len(tags)+1)
	list = append(list, k.epoch)
	for i := range tags {
		list = append(list, k.decides+"t:"+encode(tags[i][:]))
	}
	return list
}

func (k *keys) entry(key cache.RemoteKey) string {
	return k.entries + encode(key[:]) + "}:v"
}

// flight is another one after a purge: nobody waits for a response of before it.
func (k *keys) flight(key cache.RemoteKey, stamp cache.Stamp) string {
	return k.entries + encode(key[:]) + "}:l:" + encode(stamp[:])
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// random returns a value that was never there before.
func random() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // it never fails
	return encode(b[:])
}
