package transcode

import (
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/apierror"
)

// counting is a stream that takes every message.
type counting struct {
	grpc.ClientStream
	sent int
}

func (c *counting) SendMsg(any) error { c.sent++; return nil }

// sized returns a message of n bytes.
func sized(n int) string { return `{"reason":"` + strings.Repeat("x", n-len(`{"reason":""}`)) + `"}` }

// TestBoundOfStreamedMessages holds the bound to the byte, whatever stands
// between messages and however they arrive.
func TestBoundOfStreamedMessages(t *testing.T) {
	const bound = 100
	tests := []struct {
		name  string
		body  string
		sent  int
		large bool
	}{
		{"nothing", " \n", 0, false},
		{"within", sized(bound) + "\n" + sized(bound-1), 2, false},
		{"space between", strings.Repeat(" \n", 10) + sized(bound) + strings.Repeat("\n", 20) + sized(bound) + "\n\n", 2, false},
		{"no space between", sized(bound) + sized(bound) + sized(20), 3, false},
		{"too large by one", sized(bound) + "\n" + sized(bound+1) + "\n" + sized(20), 1, true},
		{"too large, the first", sized(bound + 1), 0, true},
		{"nearly twice as large", sized(2*bound - 1), 0, true},
		{"many times as large", sized(20) + sized(50*bound), 1, true},
		{"small ones read ahead", strings.Repeat(sized(20), 30) + sized(bound+1), 30, true},
	}
	for _, test := range tests {
		for _, byByte := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/by byte=%t", test.name, byByte), func(t *testing.T) {
				var body io.Reader = strings.NewReader(test.body)
				if byByte {
					body = iotest.OneByteReader(body)
				}
				rt := &Route{options: RouteOptions{MaxRequestBytes: bound}, method: Method{Call: Call{newRequest: newMessage[errdetails.ErrorInfo]}}}
				m := (&exchange{Route: rt, r: httptest.NewRequest("POST", "/", body), inbound: &runtime.JSONPb{}}).messages()
				stream := &counting{}
				var err error
				for err == nil {
					err = m.next(stream)
				}
				own := apierror.As(err)
				if large := own != nil && own.Reason == apierror.RequestTooLarge; large != test.large || !large && !errors.Is(err, io.EOF) {
					t.Errorf("ended by %v", err)
				}
				if stream.sent != test.sent {
					t.Errorf("%d messages sent, want %d", stream.sent, test.sent)
				}
			})
		}
	}
}
