package stream

import (
	"bytes"
	"encoding/json"
	"errors"
)

// What a client sends in text, beside messages of the binary subprotocol.
const (
	saysMessage = iota
	saysEnd
)

var errEnvelope = errors.New(`a frame is {"message": {...}} or {"end": {}}`)

// openEnvelope returns what a text frame says, and the JSON of its message. Whether
// that is valid, who decodes it finds out.
func openEnvelope(frame []byte) (says int, message []byte, err error) {
	frame = bytes.TrimSpace(frame)
	if inner, ok := bytes.CutPrefix(frame, []byte(`{"message":`)); ok && bytes.HasSuffix(inner, []byte("}")) {
		return saysMessage, inner[:len(inner)-1], nil // as clients write it; the message ends where this does, or is none
	}
	var envelope struct {
		Message json.RawMessage `json:"message"`
		End     json.RawMessage `json:"end"`
	}
	decoder := json.NewDecoder(bytes.NewReader(frame))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&envelope) != nil || decoder.More() || (envelope.Message == nil) == (envelope.End == nil) {
		return 0, nil, errEnvelope
	}
	if envelope.End != nil {
		return saysEnd, nil, nil
	}
	return saysMessage, envelope.Message, nil
}

// appendEnvelope begins the frame of a message, which "}" ends.
func appendEnvelope(to []byte, id, event string) []byte {
	to = append(to, '{')
	if id != "" {
		to = append(appendText(append(to, `"id":`...), id), ',')
	}
	if event != "" {
		to = append(appendText(append(to, `"event":`...), event), ',')
	}
	return append(to, `"message":`...)
}

// appendText appends a text as JSON.
func appendText(to []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(text) // a string has no error
			return append(to, quoted...)
		}
	}
	return append(append(append(to, '"'), text...), '"')
}

// frameOf returns a frame of the gateway's own.
func frameOf(name string, value []byte) []byte {
	frame := append([]byte(`{"`), name...)
	return append(append(append(frame, `":`...), value...), '}')
}
