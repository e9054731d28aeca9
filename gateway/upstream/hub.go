package upstream

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// hub is what a Conn, its groups and its balancers share. grpc-go drops and
// rebuilds the balancer when an upstream has been idle; the hub stays.
type hub struct {
	target  string
	options Options
	layered bool           // the addresses' balancer comes with the target (xds)
	epoch   time.Time      // instants are durations since then
	random  func() float64 // of [0,1), concurrent

	active  atomic.Int64 // calls in flight
	moved   moved
	closing atomic.Bool
	ended   chan struct{} // wakes Shutdown; holds one

	mu        sync.Mutex
	endpoints map[string]*endpoint // of the current balancer, by address
	groups    []*Group
	changes   chan Change // nil: nobody listens, or stopped
	told      chan struct{}
}

func newHub(target string, o Options) *hub {
	return &hub{
		target: target, options: o,
		epoch: time.Now(), random: rand.Float64,
		ended: make(chan struct{}, 1),
	}
}

func (h *hub) now() time.Duration { return time.Since(h.epoch) }

// maxChanges bounds the changes that wait for a slow OnChange.
const maxChanges = 256

// start tells changes until stop.
func (h *hub) start() {
	if h.options.OnChange == nil {
		return
	}
	changes, told := make(chan Change, maxChanges), make(chan struct{})
	h.changes, h.told = changes, told
	go func() {
		defer close(told)
		for change := range changes {
			h.options.OnChange(change)
		}
	}()
}

// stop ends the telling, after what already waits.
func (h *hub) stop() {
	h.mu.Lock()
	changes := h.changes
	h.changes = nil
	h.mu.Unlock()
	if changes != nil {
		close(changes)
		<-h.told
	}
}

// tell queues changes and sets which endpoints there are.
func (h *hub) tell(endpoints map[string]*endpoint, changed []Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.endpoints = endpoints
	if h.changes == nil {
		return
	}
	for _, change := range changed {
		select {
		case h.changes <- change:
		default: // OnChange is too slow
		}
	}
}

// begin and end count a call in flight.
func (h *hub) begin() { h.active.Add(1) }

func (h *hub) end() {
	if h.active.Add(-1) == 0 && h.closing.Load() {
		h.wake()
	}
}

// wake tells Shutdown to look again.
func (h *hub) wake() {
	select {
	case h.ended <- struct{}{}:
	default: // it is told already
	}
}
