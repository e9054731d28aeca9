package annotation

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/codes"
)

const durationRemedy = `write a duration such as "250ms", "5s" or "1h30m"`

// duration reads a duration, or returns the default where none is written.
func (d *decoder) duration(path string, text *string, byDefault time.Duration) time.Duration {
	if text == nil {
		return byDefault
	}
	value, err := time.ParseDuration(*text)
	switch {
	case err != nil:
		d.fault(path, fmt.Sprintf("%q is not a duration", *text), durationRemedy)
	case !isExact(*text):
		d.fault(path, fmt.Sprintf("%q is finer than a nanosecond", *text), durationRemedy)
	default:
		return value
	}
	return byDefault
}

// optionalDuration reads a duration whose absence the policy writes as zero.
func (d *decoder) optionalDuration(path string, text *string) time.Duration {
	faults := len(d.faults)
	value := d.duration(path, text, 0)
	if text != nil && value == 0 && len(d.faults) == faults {
		d.fault(path, fmt.Sprintf("%q is not positive", *text), durationRemedy)
	}
	return value
}

// requiredDuration reads a duration that has no default. The stand-in takes the
// place of one that is missing or cannot be read.
func (d *decoder) requiredDuration(path string, text *string, standIn time.Duration) time.Duration {
	if text == nil {
		d.missing(path, `write a duration such as "5s"`)
	}
	return d.duration(path, text, standIn)
}

func (d *decoder) missing(path, remedy string) {
	d.fault(path, "it is required and missing", remedy)
}

// component is one number of a duration with its fraction and unit.
var component = regexp.MustCompile(`[0-9]*(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)`)

// isExact tells whether a valid duration is a whole number of nanoseconds:
// time.ParseDuration cuts off what is finer.
func isExact(text string) bool {
	decimals := map[string]int{"ns": 0, "us": 3, "µs": 3, "μs": 3, "ms": 6, "s": 9, "m": 10, "h": 11}
	for _, part := range component.FindAllStringSubmatch(text, -1) {
		if len(strings.TrimRight(part[1], "0")) > decimals[part[2]] {
			return false
		}
	}
	return true
}

// number returns a number, or the default where none is written.
func number(value *int32, byDefault int) int {
	if value == nil {
		return byDefault
	}
	return int(*value)
}

func number64(value *int64, byDefault int64) int64 {
	if value == nil {
		return byDefault
	}
	return *value
}

// optionalNumber reads a number whose absence the policy writes as zero. The
// stand-in takes the place of a zero that is written.
func optionalNumber[N int32 | int64](d *decoder, path string, value *N, standIn N) N {
	switch {
	case value == nil:
		return 0
	case *value == 0:
		d.fault(path, "0 is out of limits", "write a positive number, or remove this")
		return standIn
	default:
		return *value
	}
}

// date reads a day (midnight UTC) or a time of RFC 3339.
func (d *decoder) date(path string, text *string) time.Time {
	if text == nil {
		return time.Time{}
	}
	value, err := time.Parse(time.DateOnly, *text)
	if err != nil {
		value, err = time.Parse(time.RFC3339, *text)
	}
	switch {
	case err != nil:
		d.fault(path, fmt.Sprintf("%q is neither a day nor a time of RFC 3339", *text), `write a day such as "2026-11-30"`)
	case value.Nanosecond() != 0:
		d.fault(path, fmt.Sprintf("%q is finer than a second, which no header can say", *text), "remove the fraction")
	}
	return value.UTC()
}

// statuses reads a list of statuses. It leaves out numbers without a name, which
// inspect has refused.
func statuses(values []code.Code, byDefault ...codes.Code) []codes.Code {
	var read []codes.Code
	for _, value := range values {
		if _, known := code.Code_name[int32(value)]; known {
			read = append(read, codes.Code(value))
		}
	}
	if len(read) == 0 {
		return byDefault
	}
	return read
}
