package entry

import (
	"hash/crc32"
	"time"
)

// The head of an entry and its kinds.
const (
	magic        = "vc"
	version      = 2
	kindVary     = 1 // what responses vary on, beside what their rule says
	kindResponse = 2
	headBytes    = len(magic) + 1 + crc32.Size
)

// The bounds of what is read from an entry, beside that of its own length.
const (
	mostParts    = 1 << 10
	mostEntryAge = 100 * 365 * 24 * time.Hour
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)
