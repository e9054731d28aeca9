package stream

import "strings"

// accepts tells whether a media type is named, and not with a weight of 0. A range such
// as "*/*" names none: what a stream is presented as is the client's wish alone.
func accepts(fields []string, media string) bool {
	for _, field := range fields {
		for member := range strings.SplitSeq(field, ",") {
			name, parameters, _ := strings.Cut(member, ";")
			if strings.EqualFold(strings.TrimSpace(name), media) && !unwanted(parameters) {
				return true
			}
		}
	}
	return false
}

// unwanted tells whether a weight is 0 (RFC 9110, section 12.4.2).
func unwanted(parameters string) bool {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if strings.EqualFold(name, "q") {
			return strings.Trim(value, "0.") == ""
		}
	}
	return false
}
