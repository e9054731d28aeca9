package transcode

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// unread is a response whose client may take its time.
type unread struct {
	http.ResponseWriter
	written func(body []byte)
}

func (u unread) Write(p []byte) (int, error) {
	u.written(p)
	return u.ResponseWriter.Write(p)
}

// TestWhatAnUnreadResponseHolds holds a large response to its JSON: not the message
// that it was made of, nor much room for more.
func TestWhatAnUnreadResponseHolds(t *testing.T) {
	said := &errdetails.ErrorInfo{Reason: strings.Repeat("x", 4<<20)}
	wire, err := proto.Marshal(said)
	if err != nil {
		t.Fatal(err)
	}
	rt, err := NewRoute(Method{FullName: "/a.B/C", Call: Call{newRequest: newMessage[errdetails.ErrorInfo], newResponse: newMessage[errdetails.ErrorInfo]}},
		Binding{Verb: "GET", Path: "/a"}, RouteOptions{Mux: runtime.NewServeMux(), Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	if rt, err = rt.PassingThrough(); err != nil || rt.passThrough == nil {
		t.Fatalf("it is not passed through: %v", err)
	}
	var frame *Frame
	invoke := func(_ context.Context, _ string, _, reply any, _ ...grpc.CallOption) error {
		frame = reply.(*Frame)
		frame.take(mem.BufferSlice{mem.SliceBuffer(wire)})
		return nil
	}
	recorded := httptest.NewRecorder()
	w := unread{recorded, func(body []byte) {
		if len(frame.Wire()) > 0 {
			t.Error("the message is held")
		}
		if cap(body) > len(wire)*5/4 {
			t.Errorf("%d bytes are held for %d", cap(body), len(body))
		}
	}}
	r := httptest.NewRequest("GET", "/a", http.NoBody)
	rt.Handler(invoke).ServeHTTP(w, WithExchange(r, &Exchange{Route: rt}))
	if recorded.Code != http.StatusOK || recorded.Body.Len() < len(wire) {
		t.Errorf("%d, %d bytes", recorded.Code, recorded.Body.Len())
	}
}
