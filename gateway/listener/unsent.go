package listener

import (
	"container/list"
	"sync"
)

// unsent are the responses that wait for their clients.
type unsent struct {
	mu      sync.Mutex
	total   int64
	waiting list.List // of *response: first whose client has taken nothing for the longest time
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
	w.size, w.place = size, u.waiting.PushBack(w)
	for u.total > most && u.waiting.Front() != w.place {
		longest := u.waiting.Front().Value.(*response)
		over = append(over, longest)
		u.drop(longest)
	}
	return over
}

// took notices that a client has taken something.
func (u *unsent) took(w *response) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if w.place != nil {
		u.waiting.MoveToBack(w.place)
	}
}

// remove forgets a response that waits no more.
func (u *unsent) remove(w *response) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.drop(w)
}

func (u *unsent) drop(w *response) {
	if w.place == nil {
		return
	}
	u.total -= w.size
	u.waiting.Remove(w.place)
	w.place = nil
}
