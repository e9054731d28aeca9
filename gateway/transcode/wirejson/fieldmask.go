package wirejson

import "errors"

var errPath = errors.New("path that does not survive the way to JSON and back")

// appendFieldMask appends the paths in lowerCamelCase, with commas between.
func (p *parsed) appendFieldMask(dst []byte) ([]byte, error) {
	start := len(dst)
	for _, r := range p.records {
		var ok bool
		if dst, ok = appendPath(append(dst, ','), r.bytes(p.wire)); !ok {
			return dst, p.fail(errPath)
		}
	}
	if len(dst) == start {
		return append(dst, `""`...), nil
	}
	dst[start] = '"'
	return append(dst, '"'), nil
}

// appendPath appends a path of names with dots between, in lowerCamelCase. It
// reports false for what is no such path, and for names that reading back would
// spell in another way: those with upper case, or with an underscore that no
// lower-case letter follows.
func appendPath(dst, path []byte) (_ []byte, ok bool) {
	begin := true // of a name
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch {
		case c == '.' && !begin:
			begin = true
			dst = append(dst, c)
			continue
		case c == '_' && i+1 < len(path) && isLower(path[i+1]):
			i++
			dst = append(dst, path[i]-'a'+'A')
		case isLower(c), '0' <= c && c <= '9' && !begin:
			dst = append(dst, c)
		default:
			return dst, false
		}
		begin = false
	}
	return dst, !begin
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
