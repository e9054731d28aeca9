package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/venta-hq/venta/gateway/policy"
)

const (
	mostRules = 64
	mostTags  = 16
)

// Rule says which tags are purged by which events.
type Rule struct {
	// Subject is a subject of NATS, with "*" for one part and ">" for the rest.
	Subject string
	// Tags are texts with values of the event in braces: "{data.id}" is a field of its
	// JSON payload, "{subject.3}" the third part of its subject, and
	// "{header.Shop-Order}" a header.
	Tags []string
}

var (
	subjectForm  = regexp.MustCompile(`^[^\s.*>]+(\.[^\s.*>]+)*$`)
	wildcards    = strings.NewReplacer("*", "x", ">", "x")
	subjectField = regexp.MustCompile(`^subject\.[1-9][0-9]?$`)
)

// rule is a Rule that can be applied.
type rule struct {
	subject string
	parts   []string
	tags    []policy.Template
}

// CheckRules tells what is wrong with rules.
func CheckRules(rules []Rule) error {
	_, err := parseRules(rules)
	return err
}

func parseRules(rules []Rule) ([]rule, error) {
	if len(rules) == 0 || len(rules) > mostRules {
		return nil, fmt.Errorf("there are %d rules, want 1 to %d", len(rules), mostRules)
	}
	var parsed []rule
	for i, r := range rules {
		one, err := parseRule(r)
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		parsed = append(parsed, one)
	}
	return parsed, nil
}

func parseRule(r Rule) (rule, error) {
	parsed := rule{subject: r.Subject, parts: strings.Split(r.Subject, ".")}
	for i, part := range parsed.parts {
		if len(part) > 1 && strings.ContainsAny(part, "*>") || part == ">" && i < len(parsed.parts)-1 {
			return rule{}, fmt.Errorf("subject %q: * stands for a whole part, and > for the rest", r.Subject)
		}
	}
	if len(r.Subject) > 255 || !subjectForm.MatchString(wildcards.Replace(r.Subject)) {
		return rule{}, fmt.Errorf("subject %q: want parts with points between them, at most 255 bytes", r.Subject)
	}
	if len(r.Tags) == 0 || len(r.Tags) > mostTags {
		return rule{}, fmt.Errorf("tags: there are %d, want 1 to %d", len(r.Tags), mostTags)
	}
	for _, tag := range r.Tags {
		template, err := policy.ParseTemplate(tag)
		if err != nil {
			return rule{}, fmt.Errorf("tags: %w", err)
		}
		for _, field := range template.Fields() {
			if strings.HasPrefix(field, "subject.") && !subjectField.MatchString(field) {
				return rule{}, fmt.Errorf("tags: {%s}: write a part's number, such as {subject.2}", field)
			}
		}
		parsed.tags = append(parsed.tags, template)
	}
	return parsed, nil
}

func (r rule) matches(subject string) bool {
	parts := strings.Split(subject, ".")
	for i, want := range r.parts {
		switch {
		case want == ">":
			return len(parts) > i
		case i >= len(parts) || want != "*" && want != parts[i]:
			return false
		}
	}
	return len(parts) == len(r.parts)
}

// filters returns the subjects that a consumer asks for. JetStream takes none that
// overlap; nil asks for all, and matches tells.
func filters(rules []rule) []string {
	var all []string
	for i, r := range rules {
		for j, other := range rules {
			if i != j && overlap(r.parts, other.parts) {
				return nil
			}
		}
		all = append(all, r.subject)
	}
	return all
}

func overlap(a, b []string) bool {
	for i := range min(len(a), len(b)) {
		switch {
		case a[i] == ">" || b[i] == ">":
			return true
		case a[i] != b[i] && a[i] != "*" && b[i] != "*":
			return false
		}
	}
	return len(a) == len(b)
}

// tagsOf returns the tags that an event purges; none where no rule is about it.
func tagsOf(rules []rule, m Message) ([]string, error) {
	var tags []string
	values := values{message: m}
	for _, r := range rules {
		if !r.matches(m.Subject) {
			continue
		}
		for _, template := range r.tags {
			tags = append(tags, template.Expand(values.of))
		}
	}
	return tags, values.err
}

// values are those of an event. Its payload is read once, if at all.
type values struct {
	message Message
	read    bool
	payload any
	err     error
}

// of returns a value as text, or "" and keeps why there is none.
func (v *values) of(field string) string {
	text, err := v.find(field)
	if err != nil && v.err == nil {
		v.err = fmt.Errorf("{%s}: %w", field, err)
	}
	return text
}

var errMissing = errors.New("the event has no such value, or none that is a text, a number or a boolean")

func (v *values) find(field string) (string, error) {
	kind, rest, _ := strings.Cut(field, ".")
	switch kind {
	case "subject":
		parts := strings.Split(v.message.Subject, ".")
		number, err := strconv.Atoi(rest)
		if err != nil || number > len(parts) {
			return "", errMissing
		}
		return parts[number-1], nil
	case "header":
		if value := v.message.Header.Get(rest); value != "" {
			return value, nil
		}
		return "", errMissing
	}
	return v.ofPayload(field)
}

func (v *values) ofPayload(path string) (string, error) {
	if !v.read {
		v.read = true
		decoder := json.NewDecoder(bytes.NewReader(v.message.Data))
		decoder.UseNumber()
		if err := decoder.Decode(&v.payload); err != nil {
			return "", errors.New("the payload is not JSON")
		}
	}
	value := v.payload
	for name := range strings.SplitSeq(path, ".") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	switch value := value.(type) {
	case string:
		if value != "" {
			return value, nil
		}
	case json.Number:
		return value.String(), nil
	case bool:
		return strconv.FormatBool(value), nil
	}
	return "", errMissing
}
