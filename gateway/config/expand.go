package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// lookup returns the value of an environment variable.
type lookup func(name string) (value string, ok bool)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand replaces ${NAME} and ${NAME:-text}, once: what a variable holds is
// taken as it is. "$${" is written "${". used tells that a variable was named.
func expand(text string, env lookup) (expanded string, used bool, err error) {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, "${")
		if !found {
			out.WriteString(text)
			return out.String(), used, nil
		}
		if escaped, ok := strings.CutSuffix(before, "$"); ok {
			out.WriteString(escaped + "${")
			text = after
			continue
		}
		reference, rest, closed := strings.Cut(after, "}")
		if !closed {
			return "", used, errors.New(`"${" without "}"; write "$${" for the text itself`)
		}
		value, err := resolve(reference, env)
		if err != nil {
			return "", true, err
		}
		out.WriteString(before + value)
		text, used = rest, true
	}
}

// resolve returns what stands for "NAME" or "NAME:-text".
func resolve(reference string, env lookup) (string, error) {
	name, fallback, hasFallback := strings.Cut(reference, ":-")
	if !variableName.MatchString(name) {
		return "", errors.New(`a variable is written ${NAME} or ${NAME:-text}; write "$${" for the text "${" itself`)
	}
	value, ok := env(name)
	switch {
	case hasFallback && value == "":
		return fallback, nil
	case !ok:
		return "", fmt.Errorf("the environment variable %s is not set; set it, or write ${%s:-text} for a default", name, name)
	default:
		return value, nil
	}
}
