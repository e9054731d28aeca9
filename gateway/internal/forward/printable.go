package forward

// unprintable returns the index of the first byte that is not printable ASCII,
// or -1. It looks at eight bytes at once, as tokens are long.
func unprintable(text string) int {
	i := 0
	for ; i+8 <= len(text); i += 8 {
		if !allPrintable(word(text[i : i+8])) {
			break
		}
	}
	for ; i < len(text); i++ {
		if text[i] < 0x20 || text[i] > 0x7e {
			return i
		}
	}
	return -1
}

// word reads eight bytes.
func word(b string) uint64 {
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// allPrintable reports whether each byte of w is in 0x20..0x7e. The top bit of a
// byte below 0x80 is clear, and is set by adding 1 to 0x7f alone and left clear
// by adding 0x60 to what is below 0x20; nothing carries into the next byte.
func allPrintable(w uint64) bool {
	const ones = 0x0101010101010101
	const tops = 0x80 * ones
	return w&tops == 0 && (w+ones)&tops == 0 && (w+0x60*ones)&tops == tops
}
