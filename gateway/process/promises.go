package process

import (
	"sync"
	"time"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/admin/objectives"
)

// promisesFor is how long objectives are taken for those in force: an override of one
// may be seen later by that.
const promisesFor = 30 * time.Second

// promises are the objectives of a gateway. What holds for hundreds of RPCs takes some
// milliseconds to put together, and is asked for every few seconds.
type promises struct {
	gateway *gateway.Gateway

	mu   sync.Mutex
	read time.Time
	all  []objectives.Promise
}

// inForce returns the objectives, which must not be changed.
func (p *promises) inForce() []objectives.Promise {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.read) < promisesFor {
		return p.all
	}
	var all []objectives.Promise
	for _, each := range p.gateway.Policies() {
		if o := each.Policy.Objective; o != nil {
			all = append(all, objectives.Promise{Method: each.Method, Objective: *o})
		}
	}
	p.read, p.all = time.Now(), all
	return all
}
