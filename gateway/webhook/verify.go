package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
)

// Tolerance is how much older or newer than the gateway's clock a signed delivery may
// be.
const Tolerance = 5 * time.Minute

// The bounds of what a header may hold.
const (
	mostIDBytes        = 256
	mostTimestampBytes = 12
	mostSignatures     = 16
	mostSecretBytes    = 4096
)

// names are the header fields of a signed delivery.
type names struct{ id, timestamp, signature string }

var (
	svixNames     = names{"Svix-Id", "Svix-Timestamp", "Svix-Signature"}
	standardNames = names{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"}
)

// verifier knows what a scheme's deliveries must bear.
type verifier struct {
	scheme policy.WebhookScheme
	header string
	keys   *keys
	now    func() time.Time
}

// claim is what the header of a delivery says of it, which nobody has verified.
type claim struct {
	signed     string // what stands before the body in what is signed
	signatures [][]byte
	secret     string // of a shared one
}

// claimOf reads a header and judges the time.
func (v verifier) claimOf(h http.Header) (claim, *refusal) {
	if v.scheme == policy.WebhookSharedSecret {
		secret, refused := one(h, v.header, mostSecretBytes)
		return claim{secret: secret}, refused
	}
	named := svixNames
	if v.scheme == policy.WebhookStandard {
		named = standardNames
	}
	return v.signedClaim(h, named)
}

func (v verifier) signedClaim(h http.Header, named names) (claim, *refusal) {
	id, refused := one(h, named.id, mostIDBytes)
	if refused == nil && strings.Contains(id, ".") { // or the time could be a part of it
		refused = unsigned(named.id + " has a dot in it")
	}
	if refused != nil {
		return claim{}, refused
	}
	timestamp, refused := one(h, named.timestamp, mostTimestampBytes)
	if refused != nil {
		return claim{}, refused
	}
	list, refused := one(h, named.signature, mostSecretBytes)
	if refused != nil {
		return claim{}, refused
	}
	if refused := v.checkTime(named.timestamp, timestamp); refused != nil {
		return claim{}, refused
	}
	return claim{signed: id + "." + timestamp + ".", signatures: parseSignatures(list)}, nil
}

// one returns a field's only value.
func one(h http.Header, name string, most int) (string, *refusal) {
	switch values := h[name]; {
	case len(values) == 0 || values[0] == "":
		return "", unsigned(name + " is missing")
	case len(values) > 1:
		return "", unsigned(name + " is there more than once")
	case len(values[0]) > most:
		return "", unsigned(fmt.Sprintf("%s has more than %d bytes", name, most))
	default:
		return values[0], nil
	}
}

// checkTime refuses what is too old or too new. A time is written in digits alone.
func (v verifier) checkTime(name, text string) *refusal {
	if strings.Trim(text, "0123456789") != "" {
		return unsigned(name + " is no time in seconds")
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return unsigned(name + " is no time in seconds")
	}
	now, sent := v.now(), time.Unix(seconds, 0)
	if sent.Before(now.Add(-Tolerance)) || sent.After(now.Add(Tolerance)) {
		return &refusal{Stale, unauthenticated(apierror.WebhookTimestampInvalid,
			fmt.Sprintf("the delivery is more than %s older or newer than the time here", Tolerance))}
	}
	return nil
}

// parseSignatures returns the signatures of a list that can be compared: those of
// version 1. What cannot be read is no signature.
func parseSignatures(list string) [][]byte {
	var found [][]byte
	for entry := range strings.SplitSeq(list, " ") {
		version, encoded, _ := strings.Cut(entry, ",")
		if version != "v1" {
			continue
		}
		signature, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil || len(signature) != sha256.Size {
			continue
		}
		if found = append(found, signature); len(found) == mostSignatures {
			break
		}
	}
	return found
}

// verify compares a claim with each key, in a time that does not depend on how much
// of it is right.
func (v verifier) verify(c claim, body []byte) *refusal {
	match := 0
	for _, key := range v.keys.now() {
		if v.scheme == policy.WebhookSharedSecret {
			match |= equal(c.secret, key)
			continue
		}
		expected := sign(key, c.signed, body)
		for _, signature := range c.signatures {
			match |= subtle.ConstantTimeCompare(signature, expected)
		}
	}
	if match == 1 {
		return nil
	}
	return &refusal{Forged, unauthenticated(apierror.WebhookSignatureInvalid, "no known secret has signed this delivery")}
}

// equal compares digests, so that not even the length of a secret is told.
func equal(secret string, key []byte) int {
	mine, theirs := sha256.Sum256(key), sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(mine[:], theirs[:])
}

func sign(key []byte, before string, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(before)) // it never fails
	mac.Write(body)
	return mac.Sum(nil)
}

func unsigned(message string) *refusal {
	return &refusal{Unsigned, unauthenticated(apierror.WebhookUnsigned, message)}
}

func unauthenticated(reason apierror.Reason, message string) *apierror.Error {
	return &apierror.Error{Code: codes.Unauthenticated, Reason: reason, Message: message}
}
