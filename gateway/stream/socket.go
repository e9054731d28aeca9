package stream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/gateway/apierror"
)

// requestWithin is how long the one request of a server's stream may take to come.
const requestWithin = 10 * time.Second

// ServeSocket serves a stream over a WebSocket. It returns when the connection is
// closed.
func (s *Streams) ServeSocket(w http.ResponseWriter, r *http.Request, rpc RPC) {
	if err := s.checkHandshake(r); err != nil {
		rpc.Refuse(err)
		return
	}
	options := &websocket.AcceptOptions{Subprotocols: []string{protocolJSON, protocolProto}, InsecureSkipVerify: true} // which was checked
	if s.policy.Compression {
		options.CompressionMode = websocket.CompressionNoContextTakeover
	}
	defer s.options.Total.taken()()
	conn, err := websocket.Accept(w, r, options)
	if err != nil { // the client is told: by the library, of a server that gives no connection
		return
	}
	conn.SetReadLimit(-1) // it is held where an error can still be told
	k := &socket{
		Streams: s, rpc: rpc, conn: conn, json: conn.Subprotocol() != protocolProto, place: lastEvent(r),
		observer: s.options.Observe("websocket"), first: make(chan proto.Message, 1), sentAll: make(chan struct{}), read: make(chan struct{}),
		pace: newPace(s.policy.MessagesPerSecond),
	}
	k.outbox = &outbox{rule: s.policy.SlowConsumer, limit: s.policy.BufferBytes, write: k.send, told: k.dropped}
	k.serve()
}

// socket is one WebSocket while it is served: by the goroutine of its request, which
// sends what the upstream says, and by one that reads.
type socket struct {
	*Streams
	rpc      RPC
	conn     *websocket.Conn
	json     bool
	place    string
	observer Observer
	outbox   *outbox
	buffer   []byte

	progress atomic.Int64 // frames that were read or written
	reading  atomic.Bool  // the client is waited for, and not the upstream
	failure  atomic.Pointer[error]
	gone     atomic.Bool // there is no client any more

	// Of the reader.
	first    chan proto.Message // the one request of a server's stream
	upstream grpc.ClientStream  // of a client's stream; set before the reader begins
	sentAll  chan struct{}      // closed when the client sends no more
	ended    bool
	taken    bool // the one request has come
	refuses  bool // the upstream takes no more
	pace     pace
	received int64
	read     chan struct{} // closed when the reader has ended

	mu    sync.Mutex
	timer *time.Timer
	over  bool
}

func (k *socket) serve() {
	stop := context.AfterFunc(k.rpc.Context(), k.hurry)
	k.mu.Lock()
	k.timer = time.AfterFunc(k.policy.Heartbeat, k.beat)
	k.mu.Unlock()
	err := k.run()
	stop()
	k.end(err)
	k.mu.Lock()
	k.over = true
	k.timer.Stop()
	k.mu.Unlock()
	<-k.read
}

// run serves the stream until it ends: io.EOF is a good end.
func (k *socket) run() error {
	if k.rpc.ClientStreams() {
		return k.runClient()
	}
	go k.reader()
	request, err := k.request()
	if err != nil {
		return err
	}
	from := &source{rpc: k.rpc, fields: k.fields, request: request, reset: k.reset}
	if err := from.place(k.place); err != nil {
		return err
	}
	return k.forward(from.next)
}

// request waits for the one request of a server's stream.
func (k *socket) request() (proto.Message, error) {
	timer := time.NewTimer(requestWithin)
	defer timer.Stop()
	select {
	case request := <-k.first:
		return request, k.rpc.Fill(request)
	case <-k.rpc.Context().Done():
		return nil, k.rpc.Context().Err()
	case <-timer.C:
		return nil, invalid("no request came within " + requestWithin.String())
	}
}

// runClient serves a client's stream.
func (k *socket) runClient() error {
	stream, err := k.rpc.Open()
	k.upstream = stream
	if err != nil {
		close(k.read) // closing reads what it needs
		return err
	}
	go k.reader()
	if k.rpc.ServerStreams() {
		return k.forward(func() (proto.Message, error) { return k.rpc.Receive(stream) })
	}
	select {
	case <-k.sentAll:
	case <-stream.Context().Done(): // receiving says why
	}
	only := false
	return k.forward(func() (proto.Message, error) {
		if only {
			return nil, io.EOF
		}
		only = true
		return k.rpc.Receive(stream)
	})
}

// forward sends messages until the stream ends.
func (k *socket) forward(next func() (proto.Message, error)) error {
	for {
		message, err := next()
		if err != nil {
			return err
		}
		frame, err := k.encode(message)
		k.rpc.Free(message)
		if err == nil {
			err = k.outbox.send(frame)
		}
		if err != nil {
			return err
		}
		if k.buffer = frame[:0]; k.outbox.owns() || cap(frame) > largestKept {
			k.buffer = nil
		}
	}
}

// encode makes a frame of a message.
func (k *socket) encode(message proto.Message) ([]byte, error) {
	if !k.json {
		return k.rpc.AppendWire(k.buffer, message)
	}
	id, name := "", ""
	if k.fields.id != nil {
		id = k.rpc.Text(message, k.fields.id)
	}
	if k.fields.event != nil {
		name = k.rpc.Text(message, k.fields.event)
	}
	frame, err := k.rpc.AppendJSON(appendEnvelope(k.buffer, id, name), message)
	return append(frame, '}'), err
}

// send writes a message's frame.
func (k *socket) send(frame []byte) error {
	kind := websocket.MessageBinary
	if k.json {
		kind = websocket.MessageText
	}
	err := k.conn.Write(context.Background(), kind, frame) // what is stuck is ended by the connection's end
	k.progress.Add(1)
	if err == nil {
		k.observer.Sent(len(frame))
	}
	return err
}

// tell writes a frame of the gateway's own.
func (k *socket) tell(frame []byte) error {
	return k.conn.Write(context.Background(), websocket.MessageText, frame)
}

// dropped tells how many messages the client has lost.
func (k *socket) dropped(messages int) error {
	k.observer.Dropped(messages)
	return k.tell(frameOf(eventDrop, countJSON(messages)))
}

func (k *socket) reset() error { return k.tell(frameOf(eventReset, []byte("{}"))) }

// beat asks a silent client whether it is there.
func (k *socket) beat() {
	seen := k.progress.Load()
	ctx, cancel := context.WithTimeout(context.Background(), k.policy.Heartbeat)
	err := k.conn.Ping(ctx)
	cancel()
	if err != nil && k.reading.Load() && k.progress.Load() == seen {
		k.leave()
		_ = k.conn.CloseNow() // nobody is there to tell
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.over {
		k.timer.Reset(k.policy.Heartbeat)
	}
}

// hurry ends the wait for a client that takes nothing.
func (k *socket) hurry() { time.AfterFunc(lastWords, func() { _ = k.conn.CloseNow() }) }

// leave ends a stream whose client is gone.
func (k *socket) leave() {
	k.gone.Store(true)
	k.rpc.Cancel()
}

// fail ends a stream for what its client has done.
func (k *socket) fail(err error) {
	if k.failure.CompareAndSwap(nil, &err) {
		k.rpc.Cancel()
	}
}

// end says why the stream has ended, and closes.
func (k *socket) end(err error) {
	defer k.rpc.Cancel()
	defer func() { _ = k.conn.CloseNow() }() // or it is closed
	limit := time.AfterFunc(lastWords, func() { _ = k.conn.CloseNow() })
	defer limit.Stop()
	ctx := k.rpc.Context()
	k.outbox.flush(ctx.Done())
	if failure := k.failure.Load(); failure != nil {
		err = *failure
	} else if !errors.Is(err, io.EOF) {
		err = k.Streams.failure(ctx, err)
	}
	if errors.Is(err, io.EOF) {
		k.observer.Ended(codeName(codes.OK))
		_ = k.conn.Close(websocket.StatusNormalClosure, codeName(codes.OK))
		return
	}
	st := k.rpc.Status(err)
	if k.gone.Load() {
		k.observer.Ended("CLIENT")
		return
	}
	k.observer.Ended(codeName(st.Code()))
	if k.tell(frameOf(eventError, statusJSON(st))) == nil {
		code, reason := closeCode(st)
		_ = k.conn.Close(code, reason) // it waits for the client's
	}
}

func invalid(message string) error {
	return &apierror.Error{Code: codes.InvalidArgument, Reason: apierror.InvalidRequest, Message: message}
}
