package stream

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
)

// The subprotocols of WebSockets. Without any it is JSON.
const (
	protocolJSON  = "venta.v1.json"
	protocolProto = "venta.v1.proto"
)

const protocolField = "Sec-Websocket-Protocol"

// IsHandshake tells whether a request would open a WebSocket.
func IsHandshake(r *http.Request) bool {
	return r.Method == http.MethodGet && named(r.Header["Upgrade"], "websocket") && named(r.Header["Connection"], "upgrade")
}

// named tells whether a token is in a list.
func named(fields []string, token string) bool {
	for _, field := range fields {
		for member := range strings.SplitSeq(field, ",") {
			if strings.EqualFold(strings.TrimSpace(member), token) {
				return true
			}
		}
	}
	return false
}

// checkHandshake returns what is wrong with a handshake (RFC 6455, section 4.2.1), in
// the one form that errors have.
func (s *Streams) checkHandshake(r *http.Request) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(r.Header.Get("Sec-Websocket-Key")))
	switch {
	case !r.ProtoAtLeast(1, 1) || r.ProtoMajor > 1:
		return wrongHandshake("a WebSocket is opened by HTTP/1.1")
	case r.Header.Get("Sec-Websocket-Version") != "13":
		return wrongHandshake("Sec-WebSocket-Version must be 13")
	case err != nil || len(key) != 16 || len(r.Header["Sec-Websocket-Key"]) != 1:
		return wrongHandshake("Sec-WebSocket-Key must be 16 bytes in base64")
	case !s.mayCall(r):
		return &apierror.Error{Code: codes.PermissionDenied, Reason: OriginDenied, Message: "pages of this origin may not call"}
	case len(r.Header[protocolField]) > 0 && !named(r.Header[protocolField], protocolJSON) && !named(r.Header[protocolField], protocolProto):
		return wrongHandshake(fmt.Sprintf("no subprotocol is known; name %s or %s", protocolJSON, protocolProto))
	}
	return nil
}

func (s *Streams) mayCall(r *http.Request) bool {
	return r.Header.Get("Origin") == "" || s.options.MayCall == nil || s.options.MayCall(r)
}

func wrongHandshake(message string) error {
	return &apierror.Error{Code: codes.InvalidArgument, Reason: apierror.InvalidRequest, Message: message}
}

// RefusePlain refuses a request that opens no WebSocket where there is nothing else.
func RefusePlain(w http.ResponseWriter, rpc RPC) {
	w.Header().Set("Upgrade", "websocket")
	w.Header().Set("Connection", "Upgrade")
	rpc.Refuse(&apierror.Error{
		Code: codes.FailedPrecondition, Reason: UpgradeRequired, HTTPStatus: http.StatusUpgradeRequired, Message: "the stream is opened by a WebSocket",
	})
}
