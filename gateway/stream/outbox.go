package stream

import (
	"errors"
	"sync"

	"github.com/venta-hq/venta/gateway/policy"
)

// overhead is what a message that waits costs beside its bytes.
const overhead = 64

// errSlow ends a stream whose client has let too much wait.
var errSlow = errors.New("the client reads too slowly")

// outbox holds what waits for one client, by the policy's rule for slow ones. One
// goroutine sends; where messages may wait, another writes while some do, and ends with
// the last.
type outbox struct {
	rule  policy.SlowConsumer
	limit int64
	write func(message []byte) error
	told  func(dropped int) error // tells the client what it has lost

	mu      sync.Mutex
	waiting [][]byte
	bytes   int64
	dropped int
	err     error
	idle    chan struct{} // closed when the writer ends; nil: there is none
}

// owns tells whether a message that is sent is kept.
func (o *outbox) owns() bool { return o.rule != policy.SlowWaits }

// send sends a message, or has it wait. It returns the error of an earlier write, too.
func (o *outbox) send(message []byte) error {
	if !o.owns() {
		return o.write(message)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	size := int64(len(message)) + overhead
	if o.rule == policy.SlowEnds && o.bytes > 0 && o.bytes+size > o.limit {
		return errSlow
	}
	for o.bytes > 0 && o.bytes+size > o.limit {
		o.dropOldest()
	}
	o.waiting, o.bytes = append(o.waiting, message), o.bytes+size
	if o.idle == nil {
		o.idle = make(chan struct{})
		go o.drain(o.idle)
	}
	return nil
}

func (o *outbox) dropOldest() {
	o.bytes -= int64(len(o.waiting[0])) + overhead
	o.waiting[0] = nil
	o.waiting = o.waiting[1:]
	o.dropped++
}

// drain writes until nothing waits.
func (o *outbox) drain(idle chan struct{}) {
	defer close(idle)
	for {
		lost, message := o.take()
		if message == nil {
			return
		}
		var err error
		if lost > 0 {
			err = o.told(lost)
		}
		if err == nil {
			err = o.write(message)
		}
		o.wrote(err)
	}
}

// take returns the oldest message and how many were dropped before it; nil where the
// writer ends.
func (o *outbox) take() (lost int, message []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil || len(o.waiting) == 0 {
		o.waiting, o.bytes, o.idle = nil, 0, nil
		return 0, nil
	}
	lost, message = o.dropped, o.waiting[0]
	o.bytes -= int64(len(message)) + overhead
	o.waiting[0] = nil
	o.waiting, o.dropped = o.waiting[1:], 0
	return lost, message
}

func (o *outbox) wrote(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
	}
}

// flush waits until nothing waits any more, or until is closed.
func (o *outbox) flush(until <-chan struct{}) {
	o.mu.Lock()
	idle := o.idle
	o.mu.Unlock()
	if idle == nil {
		return
	}
	select {
	case <-idle:
	case <-until:
	}
}

// discard lets nothing more be written, and waits for the writer, whose write must end.
func (o *outbox) discard(why error) {
	o.mu.Lock()
	if o.err == nil {
		o.err = why
	}
	idle := o.idle
	o.mu.Unlock()
	if idle != nil {
		<-idle
	}
}
