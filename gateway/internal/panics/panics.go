// Package panics says in a log what a handler has panicked with.
package panics

import (
	"fmt"
	"runtime"
	"unicode/utf8"
)

// longest bounds what is said, in bytes.
const longest = 1024

// Text returns what a log may have of a panic's value: the text of an error or a
// string, and of all else the type alone. A message that somebody panics with may hold
// what its schema calls a secret, and fmt would print that.
func Text(value any) string {
	switch value := value.(type) {
	case runtime.Error:
		return bounded(value.Error())
	case string:
		return bounded(value)
	case error:
		return bounded(value.Error())
	default:
		return fmt.Sprintf("a value of %T", value)
	}
}

func bounded(text string) string {
	if len(text) <= longest {
		return text
	}
	end := longest
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "..."
}
