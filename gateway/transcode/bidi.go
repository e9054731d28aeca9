package transcode

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/internal/panics"
)

// serveBidiStream reads and writes at once. Where the client speaks HTTP/1.1,
// the server would drop what is left of the body with the response's first byte;
// it is told not to.
func (rt *Route) serveBidiStream(x *exchange) {
	stream, err := x.start()
	if err != nil {
		x.fail(err)
		return
	}
	_ = http.NewResponseController(x.w).EnableFullDuplex() // or the server has it from the start
	u := x.upload(stream)
	defer u.stop()
	if err := x.takeHeader(stream); err != nil {
		x.fail(u.explain(err))
		return
	}
	x.forwardStream(&closing{ClientStream: stream, upload: u}, u.explain)
}

// upload is the goroutine that sends what the client sends. It belongs to the
// handler, which ends it with stop.
type upload struct {
	x       *exchange
	done    chan struct{}
	failure atomic.Pointer[error] // why it ended early; set before the call is canceled
}

func (x *exchange) upload(stream grpc.ClientStream) *upload {
	u := &upload{x: x, done: make(chan struct{})}
	go u.run(stream)
	return u
}

func (u *upload) run(stream grpc.ClientStream) {
	defer close(u.done)
	defer func() {
		if what := recover(); what != nil { // of a marshaler; the server recovers its own goroutines alone
			u.abort(fmt.Errorf("reading the client's stream: %s", panics.Text(what)))
		}
	}()
	messages := u.x.messages()
	for {
		err := messages.next(stream)
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) && !u.x.options.DropIn {
			u.abort(err)
			return
		}
		// grpc-gateway takes a faulty message for the end of the client's stream.
		// A failure is the stream's, and its status tells.
		_ = stream.CloseSend()
		return
	}
}

// abort ends the whole exchange with an error.
func (u *upload) abort(err error) {
	if _, ok := status.FromError(err); !ok {
		err = &apierror.Error{Code: codes.Internal, Reason: apierror.Internal, Message: "the stream was not read", Cause: err}
	}
	u.failure.Store(&err)
	u.x.cancel()
}

// ended tells whether all that the client sends has been read.
func (u *upload) ended() bool {
	select {
	case <-u.done:
		return u.failure.Load() == nil
	default:
		return false
	}
}

// explain returns why the client's side ended the exchange, or else the error.
func (u *upload) explain(err error) error {
	if failure := u.failure.Load(); failure != nil && !errors.Is(err, io.EOF) {
		return *failure
	}
	return err
}

// stop ends the goroutine and waits for it.
func (u *upload) stop() {
	u.x.cancel()
	if u.ended() {
		return
	}
	if http.NewResponseController(u.x.w).SetReadDeadline(time.Unix(1, 0)) != nil {
		_ = u.x.r.Body.Close() // a body that is no connection's ends so
	}
	<-u.done
}

// closing is the upstream's stream of a connection that must not be used again
// while the client may still send: what it sends behind the response would be
// read as its next request.
type closing struct {
	grpc.ClientStream
	upload *upload
	begun  bool
}

// RecvMsg implements grpc.ClientStream.
func (c *closing) RecvMsg(m any) error {
	err := c.ClientStream.RecvMsg(m)
	if x := c.upload.x; !c.begun && x.r.ProtoMajor == 1 && !c.upload.ended() {
		x.w.Header().Set("Connection", "close")
	}
	c.begun = true
	return err
}
