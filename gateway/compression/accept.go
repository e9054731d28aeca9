package compression

import "strings"

// weight is a quality value in thousandths (RFC 9110, section 12.4.2).
type weight int16

const unnamed weight = -1

// preferences are what a client says of the codings, "*" included.
type preferences [kinds]weight

// parseAccept reads an Accept-Encoding field (RFC 9110, section 12.5.3). In
// doubt a coding is not used: one with a malformed weight counts as refused, and
// of several weights the lowest counts. Without the field the client accepts
// everything by the letter, but need not know any of it.
func parseAccept(lines []string) preferences {
	var p preferences
	for c := range p {
		p[c] = unnamed
	}
	for _, line := range lines {
		for member := range strings.SplitSeq(line, ",") {
			name, parameter, weighted := strings.Cut(member, ";")
			c, known := codingOf(strings.Trim(name, " \t"))
			if !known {
				continue
			}
			w := weight(1000)
			if weighted {
				w = parseWeight(strings.Trim(parameter, " \t"))
			}
			if p[c] == unnamed || w < p[c] {
				p[c] = w
			}
		}
	}
	return p
}

// codingOf knows x-gzip, too (RFC 9110, section 8.4.1.3).
func codingOf(name string) (Coding, bool) {
	switch strings.ToLower(name) {
	case "gzip", "x-gzip":
		return Gzip, true
	case "br":
		return Brotli, true
	case "zstd":
		return Zstd, true
	case "identity":
		return identity, true
	case "*":
		return others, true
	}
	return 0, false
}

// parseWeight reads "q=0.123". What is malformed weighs nothing.
func parseWeight(s string) weight {
	if len(s) < 3 || len(s) > len("q=0.123") || s[0]|0x20 != 'q' || s[1] != '=' {
		return 0
	}
	whole, fraction := s[2], s[3:]
	if whole != '0' && whole != '1' || fraction != "" && fraction[0] != '.' {
		return 0
	}
	w := weight(whole-'0') * 1000
	unit := weight(100)
	for i := 1; i < len(fraction); i++ {
		digit := fraction[i] - '0'
		if digit > 9 {
			return 0
		}
		w += weight(digit) * unit
		unit /= 10
	}
	if w > 1000 {
		return 0
	}
	return w
}

// of returns a coding's weight: its own, else that of "*". It is negative where
// the client says neither.
func (p preferences) of(c Coding) weight {
	if p[c] == unnamed {
		return p[others]
	}
	return p[c]
}

// choose returns what the client likes best, the first offered among equals. The
// plain response wins only where it is liked better than all others.
func (p preferences) choose(offered []Coding) Coding {
	best, most := identity, weight(0)
	for _, c := range offered {
		if w := p.of(c); w > most {
			best, most = c, w
		}
	}
	if p.of(identity) > most {
		return identity
	}
	return best
}
