package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	dialTime   = 2 * time.Second
	retryAfter = 500 * time.Millisecond
	mostJitter = 500 * time.Millisecond
	// pingEvery and lostPings find a connection of which nobody says that it ended.
	pingEvery = 5 * time.Second
	lostPings = 2
	// callTime bounds a question to the server.
	callTime = 5 * time.Second
)

// Conn is a connection to the log that is made again whenever it is lost.
type Conn struct {
	nats   *nats.Conn
	js     jetstream.JetStream
	logger *slog.Logger
	state  *broadcast
}

// errAway says that there is no connection.
var errAway = errors.New("no server of the log of events is connected")

// Connect returns at once: a server that is away is looked for until Close.
func Connect(o Options) (*Conn, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	state := newBroadcast()
	connected, err := nats.Connect(o.URL, o.nats(state)...)
	if err != nil {
		return nil, o.failed(err)
	}
	js, err := jetstream.New(connected, jetstream.WithDefaultTimeout(callTime))
	if err != nil {
		connected.Close()
		return nil, fmt.Errorf("events: %w", err)
	}
	c := &Conn{connected, js, o.Logger, state}
	if !c.Connected() {
		o.Logger.Warn("the log of events is away; it is looked for")
	}
	return c, nil
}

// failed returns why there is no connection. The library's own text may have the URL.
func (o Options) failed(err error) error {
	for _, known := range []error{nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrSecureConnRequired, nats.ErrSecureConnWanted} {
		if errors.Is(err, known) {
			return fmt.Errorf("events: %w", known)
		}
	}
	return errors.New("events: the URL or the credentials cannot be used")
}

func (o Options) nats(state *broadcast) []nats.Option {
	told := func() {
		state.tell()
		if o.OnChange != nil {
			o.OnChange()
		}
	}
	options := []nats.Option{
		nats.Name(o.Name), nats.Timeout(dialTime),
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(),
		nats.ReconnectWait(retryAfter), nats.ReconnectJitter(mostJitter, mostJitter),
		nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(lostPings),
		nats.ReconnectBufSize(-1), // what is published while it is away fails: the outbox keeps it
		nats.ConnectHandler(func(*nats.Conn) { o.Logger.Debug("the log of events is connected"); told() }),
		nats.ReconnectHandler(func(*nats.Conn) { o.Logger.Info("the log of events is back"); told() }),
		nats.DisconnectErrHandler(func(c *nats.Conn, err error) {
			if !c.IsClosed() && err != nil {
				o.Logger.Warn("the log of events is away", "error", err)
			}
			told()
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			o.Logger.Warn("the log of events reports an error", "error", err)
		}),
	}
	if o.TLS != nil {
		options = append(options, nats.Secure(o.TLS))
	}
	if o.Credentials != nil {
		options = append(options, nats.UserCredentialBytes(o.Credentials))
	}
	return options
}

// Connected tells whether a server responds.
func (c *Conn) Connected() bool { return c.nats.IsConnected() }

// Check is Connected for health.
func (c *Conn) Check(context.Context) error {
	if c.Connected() {
		return nil
	}
	return errAway
}

// JetStream is the log.
func (c *Conn) JetStream() jetstream.JetStream { return c.js }

// Close sends what waits to be sent, until ctx ends, and disconnects.
func (c *Conn) Close(ctx context.Context) error {
	defer c.nats.Close()
	if !c.Connected() {
		return nil
	}
	if err := c.nats.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("events: flushing: %w", err)
	}
	return nil
}

// await returns once a server is connected, or ctx has ended. The context that it
// returns ends when that connection does.
func (c *Conn) await(ctx context.Context) (context.Context, context.CancelFunc, error) {
	for {
		changed := c.state.next() // before the look
		if c.Connected() {
			while, cancel := context.WithCancel(ctx)
			go func() {
				select {
				case <-changed:
					cancel()
				case <-while.Done():
				}
			}()
			return while, cancel, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// broadcast tells everybody who waits.
type broadcast struct {
	mu   sync.Mutex
	told chan struct{}
}

func newBroadcast() *broadcast { return &broadcast{told: make(chan struct{})} }

func (b *broadcast) tell() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.told)
	b.told = make(chan struct{})
}

// next is closed when it is told next.
func (b *broadcast) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.told
}
