package transcode

import (
	"io"
	"net/http"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// isHTTPBody tells whether a message is google.api.HttpBody, a body in a format
// of its own.
func isHTTPBody(md protoreflect.MessageDescriptor) bool {
	return md != nil && md.FullName() == "google.api.HttpBody"
}

// takeHTTPBody fills a google.api.HttpBody with a request's body as it is.
func takeHTTPBody(r *http.Request, body io.Reader, into protoreflect.Message) error {
	data, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	fillHTTPBody(into, r.Header.Get("Content-Type"), data)
	return nil
}

func fillHTTPBody(into protoreflect.Message, contentType string, data []byte) {
	fields := into.Descriptor().Fields()
	if contentType != "" {
		into.Set(fields.ByName("content_type"), protoreflect.ValueOfString(contentType))
	}
	into.Set(fields.ByName("data"), protoreflect.ValueOfBytes(data))
}
