package memory

import "strings"

// Key is what tells stored responses apart, but for the header fields that they
// vary on.
type Key struct {
	Scope     string // the method and its policy; it belongs to the store, not to a request
	Host      string
	Principal string // "" where the audience is public
	Request   string // the rule's key
}

// Bytes is what the key weighs.
func (k Key) Bytes() int64 {
	return int64(len(k.Host) + len(k.Principal) + len(k.Request))
}

// Parts returns all that the key is made of.
func (k Key) Parts() []string { return []string{k.Scope, k.Host, k.Principal, k.Request} }

// clone frees the key from the request that its parts belong to.
func (k Key) clone() Key {
	k.Host, k.Principal, k.Request = strings.Clone(k.Host), strings.Clone(k.Principal), strings.Clone(k.Request)
	return k
}
