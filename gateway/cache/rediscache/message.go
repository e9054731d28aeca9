package rediscache

import (
	"encoding/binary"
	"errors"

	"github.com/venta-hq/venta/gateway/cache"
)

// The kinds of messages.
const (
	kindTags byte = iota + 1
	kindAll
	kindAcks
)

const (
	messageVersion = 1
	mostTags       = 256 // of one message
	mostAcks       = 256 // of one message
)

// ack names a purge: the process that it comes from and its number there.
type ack struct {
	process processID
	number  uint64
}

// message is a purge or, to the process that purges, a list of acknowledgements.
//
//	version kind | process number | tag...        kindTags
//	version kind | process number | epoch         kindAll
//	version kind | number...                      kindAcks
type message struct {
	kind  byte
	ack   ack
	tags  []cache.TagID
	epoch string
	acks  []uint64
}

var errMessage = errors.New("malformed message")

func (m *message) encode() string {
	b := []byte{messageVersion, m.kind}
	if m.kind == kindAcks {
		for _, number := range m.acks {
			b = binary.BigEndian.AppendUint64(b, number)
		}
		return string(b)
	}
	b = append(b, m.ack.process[:]...)
	b = binary.BigEndian.AppendUint64(b, m.ack.number)
	for i := range m.tags {
		b = append(b, m.tags[i][:]...)
	}
	return string(append(b, m.epoch...))
}

// decodeMessage takes nothing but what encode makes.
func decodeMessage(text string) (m message, err error) {
	if len(text) < 2 || text[0] != messageVersion {
		return m, errMessage
	}
	m.kind, text = text[1], text[2:]
	if m.kind == kindAcks {
		return m, m.decodeAcks(text)
	}
	const head = len(m.ack.process) + 8
	if len(text) < head {
		return m, errMessage
	}
	copy(m.ack.process[:], text)
	m.ack.number = binary.BigEndian.Uint64([]byte(text[len(m.ack.process):head]))
	text = text[head:]
	switch m.kind {
	case kindTags:
		return m, m.decodeTags(text)
	case kindAll:
		m.epoch = text
		return m, nil
	}
	return m, errMessage
}

func (m *message) decodeAcks(text string) error {
	const size = 8
	if len(text)%size != 0 || len(text) > mostAcks*size {
		return errMessage
	}
	for ; text != ""; text = text[size:] {
		m.acks = append(m.acks, binary.BigEndian.Uint64([]byte(text[:size])))
	}
	return nil
}

func (m *message) decodeTags(text string) error {
	const size = len(cache.TagID{})
	if text == "" || len(text)%size != 0 || len(text) > mostTags*size {
		return errMessage
	}
	m.tags = make([]cache.TagID, 0, len(text)/size)
	for ; text != ""; text = text[size:] {
		m.tags = append(m.tags, cache.TagID([]byte(text[:size])))
	}
	return nil
}
