package transcode

import (
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
)

// checkContentType refuses a body that its sender calls something else than JSON,
// where JSON is what the route reads. A body without a type is taken for JSON. What
// a program has a marshaler of its own for, the marshaler reads, and a
// google.api.HttpBody takes any type.
func (rt *Route) checkContentType(r *http.Request) error {
	if rt.options.DropIn || rt.binding.Body == "" || rt.body.raw || r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	sent := r.Header.Get("Content-Type")
	if sent == "" || sent == "application/json" {
		return nil
	}
	streams := rt.method.Call.clientStreams
	if streams && isHTTPBody(descriptor(rt.method.Call.NewRequest())) || isJSONType(sent, streams) {
		return nil
	}
	inbound, _ := runtime.MarshalerForRequest(rt.mux, r)
	if !isJSON(inbound) { // a program's own may be no comparable value either
		return nil
	}
	if wildcard, _ := runtime.MarshalerForRequest(rt.mux, &http.Request{Header: http.Header{}}); inbound != wildcard {
		return nil
	}
	return &apierror.Error{
		Code: codes.InvalidArgument, Reason: apierror.UnsupportedMediaType, HTTPStatus: http.StatusUnsupportedMediaType,
		Message: fmt.Sprintf("the request body is JSON here; send it with \"Content-Type: application/json\", not %q", sent),
	}
}

// isJSONType tells whether a media type is JSON in UTF-8, or JSON values one after
// the other where those are read.
func isJSONType(sent string, sequence bool) bool {
	kind, parameters, err := mime.ParseMediaType(sent)
	if err != nil {
		return false
	}
	if charset := strings.ToLower(parameters["charset"]); charset != "" && charset != "utf-8" && charset != "us-ascii" {
		return false
	}
	switch kind {
	case "application/json", "text/json":
		return true
	case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/json-lines":
		return sequence
	}
	return strings.HasSuffix(kind, "+json")
}
