package stream

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzOpenEnvelope holds that the short way of reading a frame agrees with JSON's own:
// what it takes for a message's JSON is one in a frame that is valid, and a frame that
// is none yields no valid message.
func FuzzOpenEnvelope(f *testing.F) {
	for _, seed := range []string{
		`{"message":{}}`, `{"end":{}}`, ` { "message" : {"a":[1,"}"]} } `, `{"message":{},"end":{}}`, `{"message":{}`, `{"message":}`, ``, `{}`, `[]`,
		`{"message":{}}{"end":{}}`, `{"message":null}`, `{"end":null}`, `{"Message":{}}`, `{"message":"}"}`, `{"message":{},"message":{}}`, `{"other":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		says, message, err := openEnvelope(frame)
		if err != nil || says == saysEnd {
			return
		}
		if !json.Valid(message) {
			return // whoever decodes the message finds out
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(frame, &members); err != nil || len(members) != 1 {
			t.Fatalf("%q: %d members, %v", frame, len(members), err)
		}
		for name, value := range members {
			if !strings.EqualFold(name, "message") || string(value) != strings.Trim(string(message), " \t\r\n") {
				t.Fatalf("%q: %q is %q, taken for %q", frame, name, value, message)
			}
		}
	})
}

// FuzzEnvelope holds that what the gateway writes is JSON with the texts that it was
// given.
func FuzzEnvelope(f *testing.F) {
	f.Add("17", "KIND_MADE")
	f.Add("\"\\\x00ä\xff", "")
	f.Fuzz(func(t *testing.T, id, event string) {
		var got struct {
			ID, Event string
			Message   map[string]int
		}
		frame := append(append(appendEnvelope(nil, id, event), `{"a":1}`...), '}')
		if err := json.Unmarshal(frame, &got); err != nil {
			t.Fatalf("%q: %v", frame, err)
		}
		if got.ID != strings.ToValidUTF8(id, "\ufffd") && !strings.Contains(got.ID, "\ufffd") || got.Message["a"] != 1 {
			t.Fatalf("%q is %+v", frame, got)
		}
	})
}

// FuzzEvent holds that no id, name or data can end an event or begin another field.
func FuzzEvent(f *testing.F) {
	f.Add("17", "made", "{\n\"a\": 1}\r\n")
	f.Add("1\nevent: x", "a\rdata: y", "")
	f.Fuzz(func(t *testing.T, id, name, data string) {
		event := appendEvent(nil, id, name)
		begin := len(event)
		event = appendData(append(event, data...), begin)
		lines := strings.FieldsFunc(strings.TrimSuffix(string(event), "\n\n"), func(r rune) bool { return r == '\n' })
		for _, line := range lines {
			field, value, _ := strings.Cut(line, ": ")
			switch {
			case field == "id" && value == id, field == "event" && value == name, field == "data":
			default:
				t.Fatalf("%q: a line %q", event, line)
			}
		}
		if strings.Contains(strings.TrimSuffix(string(event), "\n\n"), "\n\n") || strings.Contains(string(event), "\r") {
			t.Fatalf("%q is more than an event", event)
		}
	})
}
