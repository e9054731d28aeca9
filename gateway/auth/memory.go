package auth

import (
	"crypto/sha256"
	"time"

	"github.com/maypok86/otter/v2"
)

// maxRemembered bounds how many tokens are remembered.
const maxRemembered = 1 << 13

// memory remembers whom valid tokens speak for, so that a client that sends the
// same token again pays a hash instead of a signature. Only a token whose
// signature was right gets in, so that nobody can flood it with guesses; and a
// token is kept as its SHA-256, so that memory holds no credentials.
type memory struct {
	principals *otter.Cache[[sha256.Size]byte, *Principal]
}

func newMemory() (memory, error) {
	principals, err := otter.New(&otter.Options[[sha256.Size]byte, *Principal]{
		MaximumSize: maxRemembered,
		Executor:    func(task func()) { task() }, // no goroutine outlives a request
	})
	return memory{principals}, err
}

// recall returns whom the token speaks for, if it is remembered and still valid
// at now.
func (m memory) recall(token [sha256.Size]byte, now time.Time, leeway time.Duration) (*Principal, bool) {
	p, ok := m.principals.GetIfPresent(token)
	if !ok {
		return nil, false
	}
	if !now.Before(p.Expires.Add(leeway)) {
		m.principals.Invalidate(token)
		return nil, false
	}
	return p, true
}

func (m memory) remember(token [sha256.Size]byte, p *Principal) { m.principals.Set(token, p) }
