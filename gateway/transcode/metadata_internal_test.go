package transcode

import (
	"context"
	"net/http"
	"reflect"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/metadata"
)

// TestProgramMux holds what is read of a mux's private fields to the library in
// go.mod.
func TestProgramMux(t *testing.T) {
	for _, field := range []string{"incomingHeaderMatcher", "metadataAnnotators"} {
		if !reflect.ValueOf(runtime.NewServeMux()).Elem().FieldByName(field).IsValid() {
			t.Errorf("a mux has no %s any more", field)
		}
	}
	own := runtime.WithIncomingHeaderMatcher(func(name string) (string, bool) { return name, true })
	stock := runtime.WithIncomingHeaderMatcher(runtime.DefaultHeaderMatcher)
	none := runtime.WithIncomingHeaderMatcher(NoHeader)
	noop := runtime.WithMetadata(func(context.Context, *http.Request) metadata.MD { return nil })
	tests := []struct {
		name    string
		options []runtime.ServeMuxOption
		dropIn  bool
		some    bool
		matches bool
	}{
		{"a gateway's", []runtime.ServeMuxOption{none}, false, false, false},
		{"a gateway's with an annotator", []runtime.ServeMuxOption{none, noop}, false, true, false},
		{"a gateway's with a matcher", []runtime.ServeMuxOption{none, own}, false, true, true},
		{"a gateway's with stock's matcher", []runtime.ServeMuxOption{none, stock}, false, true, true},
		{"a drop-in's", nil, true, false, false},
		{"a drop-in's with stock's matcher", []runtime.ServeMuxOption{stock}, true, false, false},
		{"a drop-in's with an annotator", []runtime.ServeMuxOption{noop}, true, true, false},
		{"a drop-in's with a matcher", []runtime.ServeMuxOption{own, noop}, true, true, true},
	}
	for _, test := range tests {
		mux := runtime.NewServeMux(test.options...)
		program, matches := programMux(mux, test.dropIn)
		if (program != nil) != test.some || matches != test.matches {
			t.Errorf("%s: %v %v", test.name, program != nil, matches)
		}
		if test.some && !matches && programMatches(program, false) {
			t.Errorf("%s: headers travel by the default matcher", test.name)
		}
	}
}
