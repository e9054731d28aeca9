package memory

import "github.com/venta-hq/venta/gateway/cache/internal/rfc9111"

// What the parts of an entry weigh beside their bytes, from the sizes of the
// types and of what the store keeps for each of them.
const (
	resourceBytes = 320
	responseBytes = 472
	fieldBytes    = 96
	stringBytes   = 16
)

// selectorBytes is what the header fields weigh that a response varies on.
func selectorBytes(list []rfc9111.Selector) int64 {
	var bytes int64
	for _, s := range list {
		bytes += fieldBytes
		for _, line := range s.Lines {
			bytes += int64(len(line)) + stringBytes
		}
	}
	return bytes
}
