package stream

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/coder/websocket"
	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
)

// reader reads what the client sends until the connection or the stream ends. Closing
// reads what it needs by itself.
func (k *socket) reader() {
	defer close(k.read)
	var buffer []byte
	for {
		kind, frame, err := k.next(buffer[:0])
		if err != nil {
			k.leave()
			return
		}
		if err = k.take(kind, frame); err != nil {
			k.fail(err)
			return
		}
		if buffer = frame; cap(buffer) > largestKept {
			buffer = nil
		}
	}
}

// next reads a frame, inflated, at most a byte more than it may have. An error is the
// connection's.
func (k *socket) next(buffer []byte) (websocket.MessageType, []byte, error) {
	k.pace.wait(k.rpc.Context())
	k.progress.Add(1)
	k.reading.Store(true)
	defer k.reading.Store(false)
	kind, from, err := k.conn.Reader(context.Background())
	if err != nil {
		return 0, nil, err
	}
	most := k.policy.MaxMessageBytes
	for int64(len(buffer)) <= most {
		if len(buffer) == cap(buffer) {
			buffer = append(buffer, make([]byte, max(512, cap(buffer)))...)[:len(buffer)]
		}
		n, err := from.Read(buffer[len(buffer):min(int64(cap(buffer)), most+1)])
		buffer = buffer[:len(buffer)+n]
		if errors.Is(err, io.EOF) {
			k.progress.Add(1)
			return kind, buffer, nil
		}
		if err != nil {
			return 0, nil, err
		}
	}
	return kind, buffer, nil // which is refused
}

// take does what a frame says.
func (k *socket) take(kind websocket.MessageType, frame []byte) error {
	if most := k.policy.MaxMessageBytes; int64(len(frame)) > most {
		return &apierror.Error{Code: codes.ResourceExhausted, Reason: apierror.RequestTooLarge, Message: fmt.Sprintf("a message is larger than %d bytes", most)}
	}
	k.received += int64(len(frame))
	if most := k.policy.MaxReceivedBytes; most > 0 && k.received > most {
		return &apierror.Error{Code: codes.ResourceExhausted, Reason: ReceivedTooMuch, Message: fmt.Sprintf("the client has sent more than %d bytes", most)}
	}
	if kind == websocket.MessageBinary {
		if k.json {
			return &apierror.Error{Code: codes.InvalidArgument, Reason: UnsupportedFrame, Message: "frames of " + protocolJSON + " are text"}
		}
		return k.message(frame, true)
	}
	says, message, err := openEnvelope(frame)
	switch {
	case err != nil:
		return invalid(err.Error())
	case says == saysEnd:
		return k.halfClose()
	case !k.json:
		return invalid("messages of " + protocolProto + " are binary")
	default:
		return k.message(message, false)
	}
}

// message hands a message on: to the upstream, or as the one request.
func (k *socket) message(encoded []byte, binary bool) error {
	k.observer.Received(len(encoded))
	if k.ended || k.taken {
		return invalid("the client sends no more, and has sent a message")
	}
	message := k.rpc.NewRequest()
	if err := k.rpc.Decode(encoded, binary, message); err != nil {
		return err
	}
	if k.upstream == nil {
		k.taken = true
		k.first <- message
		return nil
	}
	if k.refuses {
		return nil
	}
	err := k.upstream.SendMsg(message)
	if errors.Is(err, io.EOF) { // receiving says why
		k.refuses = true
		k.close()
		return nil
	}
	return err
}

// halfClose ends what the client sends.
func (k *socket) halfClose() error {
	if k.ended {
		return invalid("the client has ended its stream twice")
	}
	k.ended = true
	if k.upstream == nil {
		if !k.taken {
			return invalid("the stream has one request, and none has come")
		}
		return nil
	}
	k.close()
	err := k.upstream.CloseSend()
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// close tells that nothing more is sent to the upstream.
func (k *socket) close() {
	select {
	case <-k.sentAll:
	default:
		close(k.sentAll)
	}
}
