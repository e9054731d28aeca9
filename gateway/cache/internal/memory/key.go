package memory

import "strings"

// Key is what tells stored responses apart, but for the header fields that they
// vary on.
type Key struct {
	Scope     string // the method and its policy; it belongs to the store, not to a request
	Host      string
	Principal string // "" where the audience is public
	Request   string // the rule's key
	Forwarded string // what else of the request the handler sees
}

// Variant is a key with what the request has of header fields that responses vary
// on, as [rfc9111.VaryKey] writes it.
type Variant struct {
	Key  Key
	Vary string
}

// Bytes is what the key weighs.
func (k Key) Bytes() int64 {
	return int64(len(k.Host) + len(k.Principal) + len(k.Request) + len(k.Forwarded))
}

// Parts returns all that the key is made of.
func (k Key) Parts() []string { return []string{k.Scope, k.Host, k.Principal, k.Request, k.Forwarded} }

// clone frees the key from the request that its parts belong to.
func (k Key) clone() Key {
	for _, part := range []*string{&k.Host, &k.Principal, &k.Request, &k.Forwarded} {
		*part = strings.Clone(*part)
	}
	return k
}
