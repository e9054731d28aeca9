package policy

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
)

func (s *Stream) limits() faults {
	var found faults
	found.duration("stream.heartbeat", s.Heartbeat, time.Second, 10*time.Minute)
	found.duration("stream.retry", s.Retry, 100*time.Millisecond, time.Hour)
	found.number("stream.buffer_bytes", s.BufferBytes, 1<<10, 16<<20)
	found.number("stream.max_per_principal", int64(s.MaxPerPrincipal), 1, 100_000)
	found.number("stream.max_per_address", int64(s.MaxPerAddress), 1, 1_000_000)
	if s.Path != "" {
		found = append(found, s.socketLimits()...)
	}
	switch {
	case s.ResumeField != "" && s.IDField == "":
		found.add("stream.resume_field", "nothing tells a client the place to resume from", "write id_field, a field of the response")
	case s.IDField != "" && s.ResumeField == "":
		found.add("stream.id_field", "a client sends the place back, and nothing reads it", "write resume_field, a field of the request")
	}
	return found
}

// socketLimits checks what is of WebSockets.
func (s *Stream) socketLimits() faults {
	var found faults
	found.number("stream.max_message_bytes", s.MaxMessageBytes, 1, 16<<20)
	found.number("stream.messages_per_second", int64(s.MessagesPerSecond), 1, 100_000)
	if s.MaxReceivedBytes != 0 {
		found.number("stream.max_received_bytes", s.MaxReceivedBytes, 1<<10, 1<<40)
	}
	return found
}

func (s *Stream) rules(rpc RPC, m Method) faults {
	if !rpc.streaming() {
		return faults{{"stream", "the RPC is no stream", `remove it, or write "stream: {disabled: true}"`}}
	}
	var found faults
	switch {
	case s.Path != "":
	case rpc.ClientStreaming:
		found.add("stream", "the client streams, which a WebSocket alone carries", `write a path, such as "/v1/orders:watch"`)
	case len(rpc.reachedBy(http.MethodGet)) == 0:
		found.add("stream", "the RPC has no GET route, so that browsers get no events of it", "write one with google.api.http, or a path for WebSockets")
	}
	found = append(found, rpc.ofVersion("stream.path", s.Path)...)
	found = append(found, rpc.ofVersion("stream.ticket_path", s.TicketPath)...)
	if s.TicketPath != "" && !m.authenticates() {
		found.add("stream.ticket_path", "callers need no credentials that a ticket could stand for", "remove it, or write auth")
	}
	found = append(found, s.limitRules(m)...)
	return append(found, s.fieldRules(rpc)...)
}

// limitRules refuses limits by a field that a WebSocket's request has behind its
// handshake: who writes it there would pass them.
func (s *Stream) limitRules(m Method) faults {
	var found faults
	for i, limit := range m.RateLimits {
		for _, field := range []string{limit.Key.Field, limit.Cost.Field} {
			if s.Path != "" && field != "" && !strings.Contains(s.Path, "{"+field) {
				found.add(entry("rate_limits", i), fmt.Sprintf("a WebSocket is admitted before its request, which has %q, has come", field),
					fmt.Sprintf("make {%s} a variable of stream.path, or use another key and a constant cost", field))
			}
		}
	}
	return found
}

// fieldRules checks the fields that events are made of.
func (s *Stream) fieldRules(rpc RPC) faults {
	var found faults
	if s.ResumeField != "" && rpc.ClientStreaming {
		found.add("stream.resume_field", "a client's stream has many requests, so none of them says where to resume", "remove it and id_field")
		return found
	}
	if s.ResumeField != "" {
		found.place("stream.resume_field", rpc.Input, s.ResumeField)
	}
	if s.IDField != "" {
		found.place("stream.id_field", rpc.Output, s.IDField)
	}
	if s.EventField == "" {
		return found
	}
	path, ok := found.field("stream.event_field", rpc.Output, s.EventField)
	if kind := path.kind(); ok && kind != protoreflect.StringKind && kind != protoreflect.EnumKind {
		found.add("stream.event_field", fmt.Sprintf("%q is neither a string nor an enum", s.EventField), "name a field whose value is a name")
	}
	return found
}

// place checks a field that holds a place in a stream.
func (f *faults) place(path string, message protoreflect.MessageDescriptor, field string) {
	found, ok := f.field(path, message, field)
	if ok && found.kind() != protoreflect.StringKind && !found.IsInteger() {
		f.add(path, fmt.Sprintf("%q is neither a string nor an integer", field), "name a field that a client can send back as text")
	}
}
