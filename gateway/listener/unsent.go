package listener

import "sync"

// unsent are the responses that wait for their clients, with their sizes.
type unsent struct {
	mu      sync.Mutex
	total   int64
	waiting map[*response]int64
}

func (u *unsent) bytes() int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.total
}

// add counts what a response has to send. It returns those that have to make room
// for it: their clients have taken nothing for the longest time.
func (u *unsent) add(w *response, size, most int64) (over []*response) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.total += size
	u.waiting[w] += size
	for u.total > most && len(u.waiting) > 1 {
		longest := u.longest(w)
		over = append(over, longest)
		u.total -= u.waiting[longest]
		delete(u.waiting, longest)
	}
	return over
}

// longest returns the response, other than one, whose client has taken nothing for
// the longest time.
func (u *unsent) longest(but *response) *response {
	var found *response
	for w := range u.waiting {
		if w != but && (found == nil || w.taken.Load() < found.taken.Load()) {
			found = w
		}
	}
	return found
}

// remove forgets a response that waits no more.
func (u *unsent) remove(w *response) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.total -= u.waiting[w]
	delete(u.waiting, w)
}
