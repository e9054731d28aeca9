package config

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
)

const durationName protoreflect.FullName = "google.protobuf.Duration"

// isScalar reports whether a value of the field is written as one word.
func isScalar(fd protoreflect.FieldDescriptor) bool {
	return fd.Message() == nil || fd.Message().FullName() == durationName
}

// parse reads the text of a value. Errors say what is right and never repeat
// the text, which may be a secret.
func parse(fd protoreflect.FieldDescriptor, text string) (protoreflect.Value, error) {
	switch fd.Kind() {
	case protoreflect.StringKind:
		if !utf8.ValidString(text) {
			return protoreflect.Value{}, errors.New("must be UTF-8")
		}
		return protoreflect.ValueOfString(text), nil
	case protoreflect.BoolKind:
		if text != "true" && text != "false" {
			return protoreflect.Value{}, errors.New("must be true or false")
		}
		return protoreflect.ValueOfBool(text == "true"), nil
	case protoreflect.Int32Kind, protoreflect.Int64Kind:
		return parseInteger(fd, text)
	case protoreflect.DoubleKind:
		return parseDouble(text)
	case protoreflect.EnumKind:
		return parseEnum(fd.Enum(), text)
	case protoreflect.MessageKind:
		return parseDuration(text)
	default:
		return protoreflect.Value{}, fmt.Errorf("fields of kind %v cannot be configured", fd.Kind())
	}
}

func parseInteger(fd protoreflect.FieldDescriptor, text string) (protoreflect.Value, error) {
	bits, unit := 32, int64(1)
	if fd.Kind() == protoreflect.Int64Kind {
		bits = 64
	}
	if countsBytes(fd) {
		text, unit = cutUnit(text)
	}
	n, err := strconv.ParseInt(text, 10, bits)
	switch {
	case errors.Is(err, strconv.ErrRange) || n > math.MaxInt64/unit || n < math.MinInt64/unit:
		return protoreflect.Value{}, fmt.Errorf("must be a number of %d bits", bits)
	case err != nil && countsBytes(fd):
		return protoreflect.Value{}, errors.New("must be a number of bytes such as 65536, 64Ki, 64Mi or 1Gi")
	case err != nil:
		return protoreflect.Value{}, errors.New("must be a whole number")
	case bits == 32:
		return protoreflect.ValueOfInt32(int32(n)), nil
	default:
		return protoreflect.ValueOfInt64(n * unit), nil
	}
}

// countsBytes reports whether the field takes units such as Mi.
func countsBytes(fd protoreflect.FieldDescriptor) bool {
	return fd.Kind() == protoreflect.Int64Kind && strings.HasSuffix(string(fd.Name()), "_bytes")
}

func cutUnit(text string) (number string, unit int64) {
	for suffix, unit := range map[string]int64{"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30} {
		if number, ok := strings.CutSuffix(text, suffix); ok {
			return number, unit
		}
	}
	return text, 1
}

func parseDouble(text string) (protoreflect.Value, error) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return protoreflect.Value{}, errors.New("must be a number")
	}
	return protoreflect.ValueOfFloat64(f), nil
}

// parseDuration takes no number without a unit, so that nobody has to guess one.
func parseDuration(text string) (protoreflect.Value, error) {
	d, err := time.ParseDuration(text)
	if err != nil || text == "0" {
		return protoreflect.Value{}, errors.New(`must be a duration such as "250ms", "5s" or "1h30m"`)
	}
	return protoreflect.ValueOfMessage(durationpb.New(d).ProtoReflect()), nil
}

func parseEnum(enum protoreflect.EnumDescriptor, text string) (protoreflect.Value, error) {
	values := enum.Values()
	var known []string
	for i := range values.Len() {
		name := string(values.Get(i).Name())
		short := shortName(enum, values.Get(i))
		if text == name || text == short {
			return protoreflect.ValueOfEnum(values.Get(i).Number()), nil
		}
		if short != "unspecified" {
			known = append(known, short)
		}
	}
	return protoreflect.Value{}, fmt.Errorf("must be one of %s", strings.Join(known, ", "))
}

// shortName is an enum value's name without the enum's own, in lower case:
// "json" for FORMAT_JSON.
func shortName(enum protoreflect.EnumDescriptor, value protoreflect.EnumValueDescriptor) string {
	prefix, ok := strings.CutSuffix(string(enum.Values().Get(0).Name()), "UNSPECIFIED")
	if !ok {
		prefix = ""
	}
	return strings.ToLower(strings.TrimPrefix(string(value.Name()), prefix))
}

var zeroes = regexp.MustCompile(`(h|m)0[ms](0s)?$`)

// briefly writes a duration without the zeroes that its String method adds.
func briefly(d time.Duration) string { return zeroes.ReplaceAllString(d.String(), "$1") }
