package stream

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
)

const (
	ticketLife   = 30 * time.Second
	ticketPrefix = "venta.ticket."
	ticketBytes  = 32
)

// TicketStore keeps tickets until they are taken. It is safe for concurrent use.
type TicketStore interface {
	// Put keeps a value for that long.
	Put(ctx context.Context, key string, value []byte, life time.Duration) error
	// Take returns a value once: of all that ask, one gets it. nil: there is none.
	Take(ctx context.Context, key string) ([]byte, error)
}

// TicketsOptions is what tickets need.
type TicketsOptions struct {
	// RPC is what a ticket is for. Required.
	RPC string
	// Store keeps them. Required.
	Store TicketStore
	// OnError writes a refusal. Required.
	OnError func(http.ResponseWriter, *http.Request, error)
}

// Tickets stand for the credentials of callers who can send none on a WebSocket. A
// ticket is a random text; what the store has is sealed by it, so that who reads the
// store learns nothing.
type Tickets struct{ options TicketsOptions }

// NewTickets returns the tickets of one RPC.
func NewTickets(o TicketsOptions) *Tickets { return &Tickets{o} }

// credentials are the header fields that a ticket stands for.
type credentials map[string]string

// credentialFields are where callers have credentials.
func credentialFields() []string { return []string{"Authorization", "X-Api-Key"} }

// ServeHTTP issues a ticket for the credentials of a request, which were checked.
func (t *Tickets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	held := credentials{}
	for _, field := range credentialFields() {
		if value := r.Header.Get(field); value != "" {
			held[field] = value
		}
	}
	if len(held) == 0 {
		t.options.OnError(w, r, &apierror.Error{
			Code: codes.Unauthenticated, Reason: apierror.CredentialsMissing, Message: "a ticket stands for credentials, and the request has none",
		})
		return
	}
	ticket, err := t.issue(r.Context(), held)
	if err != nil {
		t.options.OnError(w, r, unavailable(err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]string{"ticket": ticket, "expiresIn": ticketLife.String()}) // a client that left reads no error
}

func (t *Tickets) issue(ctx context.Context, held credentials) (string, error) {
	secret := make([]byte, ticketBytes)
	_, _ = rand.Read(secret) // it has no error
	plain, err := json.Marshal(held)
	if err != nil {
		return "", err
	}
	seal, err := sealedBy(secret)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, seal.NonceSize())                       // a key seals once
	sealed := seal.Seal(nil, nonce, plain, []byte(t.options.RPC)) //nolint:gosec // the key is new each time
	return base64.RawURLEncoding.EncodeToString(secret), t.options.Store.Put(ctx, ticketKey(secret), sealed, ticketLife)
}

// Middleware puts the credentials that a handshake's ticket stands for into its
// request.
func (t *Tickets) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ticket, rest := presented(r.Header[protocolField])
		if ticket == "" || !IsHandshake(r) {
			next.ServeHTTP(w, r)
			return
		}
		held, err := t.redeem(r.Context(), ticket)
		if err != nil {
			t.options.OnError(w, r, err)
			return
		}
		with := *r
		with.Header = r.Header.Clone()
		with.Header[protocolField] = rest
		for _, field := range credentialFields() {
			with.Header.Del(field)
		}
		for field, value := range held {
			with.Header.Set(field, value)
		}
		next.ServeHTTP(w, &with)
	})
}

// presented returns the ticket among subprotocols, and the others.
func presented(fields []string) (ticket string, rest []string) {
	for _, field := range fields {
		for member := range strings.SplitSeq(field, ",") {
			name := strings.TrimSpace(member)
			if found, ok := strings.CutPrefix(name, ticketPrefix); ok {
				ticket = found
			} else {
				rest = append(rest, name)
			}
		}
	}
	return ticket, rest
}

var errTicket = &apierror.Error{
	Code: codes.Unauthenticated, Reason: apierror.CredentialsInvalid, Message: "the ticket is not valid: it was used, is too old, or is for another stream",
}

func (t *Tickets) redeem(ctx context.Context, ticket string) (credentials, error) {
	secret, err := base64.RawURLEncoding.DecodeString(ticket)
	if err != nil || len(secret) != ticketBytes {
		return nil, errTicket
	}
	sealed, err := t.options.Store.Take(ctx, ticketKey(secret))
	if err != nil {
		return nil, unavailable(err)
	}
	seal, err := sealedBy(secret)
	if err != nil || sealed == nil {
		return nil, errTicket
	}
	plain, err := seal.Open(nil, make([]byte, seal.NonceSize()), sealed, []byte(t.options.RPC))
	if err != nil {
		return nil, errTicket
	}
	var held credentials
	if json.Unmarshal(plain, &held) != nil {
		return nil, errTicket
	}
	return held, nil
}

func unavailable(cause error) error {
	return &apierror.Error{
		Code: codes.Unavailable, Reason: TicketsUnavailable, Message: "tickets cannot be kept at the moment", RetryAfter: time.Second, Cause: cause,
	}
}

func sealedBy(secret []byte) (cipher.AEAD, error) {
	key := sha256.Sum256(append([]byte("seal:"), secret...))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func ticketKey(secret []byte) string {
	key := sha256.Sum256(append([]byte("key:"), secret...))
	return base64.RawURLEncoding.EncodeToString(key[:])
}

var errFull = errors.New("as many tickets are kept as may")
