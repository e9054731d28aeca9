package resolve

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// ServiceConfig is what a gRPC service configuration (google.api.Service in
// YAML) says about HTTP: rules for RPCs whose schema cannot be annotated. Nil
// says nothing. It is immutable.
type ServiceConfig struct {
	external []externalRule
}

type externalRule struct {
	selector protoreflect.FullName
	http     *annotations.HttpRule
	at       position
}

// ParseServiceConfig reads a service configuration. Its name is for messages.
// What it says beside HTTP is left aside.
func ParseServiceConfig(name string, content []byte) (*ServiceConfig, error) {
	var document struct {
		HTTP yaml.Node `yaml:"http"`
	}
	if err := yaml.Unmarshal(content, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	http, err := decodeHTTP(document.HTTP)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	config := &ServiceConfig{}
	for i, rule := range http.GetRules() {
		one := externalRule{
			selector: protoreflect.FullName(strings.Trim(rule.GetSelector(), " ")),
			http:     rule,
			at:       rulePlace(name, document.HTTP, i),
		}
		if !one.selector.IsValid() {
			return nil, fmt.Errorf("%s: selector %q must name one RPC, such as package.Service.Method", one.at, rule.GetSelector())
		}
		config.external = append(config.external, one)
	}
	return config, nil
}

func decodeHTTP(node yaml.Node) (*annotations.Http, error) {
	http := &annotations.Http{}
	if node.IsZero() {
		return http, nil
	}
	var value any
	if err := node.Decode(&value); err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(value)
	if err != nil || value == nil {
		return http, err
	}
	return http, protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(encoded, http)
}

// rulePlace returns where the rule of that index stands.
func rulePlace(name string, http yaml.Node, index int) position {
	for i := 0; i+1 < len(http.Content); i += 2 {
		if key, list := http.Content[i], http.Content[i+1]; key.Value == "rules" && index < len(list.Content) {
			return position{file: name, line: list.Content[index].Line, column: list.Content[index].Column}
		}
	}
	return position{file: name}
}

// rules returns the rules for an RPC, in the order of the configuration.
func (c *ServiceConfig) rules(rpc protoreflect.FullName) []externalRule {
	var found []externalRule
	if c == nil {
		return nil
	}
	for _, rule := range c.external {
		if rule.selector == rpc {
			found = append(found, rule)
		}
	}
	return found
}

// checkSelectors refuses rules for RPCs that no schema of the run has.
func (c *ServiceConfig) checkSelectors(plugin *protogen.Plugin, report *report) {
	if c == nil {
		return
	}
	known := map[protoreflect.FullName]bool{}
	for _, file := range plugin.Files {
		for _, service := range file.Services {
			for _, method := range service.Methods {
				known[method.Desc.FullName()] = true
			}
		}
	}
	for _, rule := range c.external {
		if !known[rule.selector] {
			report.add(fault{rule.at, fmt.Sprintf("the selector %s names no RPC of this run", rule.selector),
				"correct it, or generate the schema that has the RPC"})
		}
	}
}
