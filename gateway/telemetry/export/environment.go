package export

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// Lookup returns the value of an environment variable, as os.LookupEnv does.
type Lookup func(name string) (value string, ok bool)

// readBySDK are the variables of OpenTelemetry's specification that its SDK and
// exporters read themselves, from the process's environment.
var readBySDK = []string{
	"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
	"OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
	"OTEL_EXPORTER_OTLP_COMPRESSION", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
	"OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
	"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
	"OTEL_EXPORTER_OTLP_CLIENT_KEY", "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
	"OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_EXPORT_TIMEOUT", "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
	"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT",
	"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
	"OTEL_SPAN_EVENT_COUNT_LIMIT", "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
	"OTEL_SPAN_LINK_COUNT_LIMIT", "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
	"OTEL_METRICS_EXEMPLAR_FILTER",
}

// readHere are those that [Config.WithEnvironment] reads.
var readHere = map[string]func(*environment, string) error{
	"OTEL_SDK_DISABLED":                  (*environment).disabled,
	"OTEL_SERVICE_NAME":                  (*environment).serviceName,
	"OTEL_RESOURCE_ATTRIBUTES":           (*environment).resourceAttributes,
	"OTEL_PROPAGATORS":                   (*environment).propagators,
	"OTEL_TRACES_EXPORTER":               (*environment).exporter,
	"OTEL_TRACES_SAMPLER":                (*environment).sampler,
	"OTEL_TRACES_SAMPLER_ARG":            (*environment).samplerArgument,
	"OTEL_EXPORTER_OTLP_ENDPOINT":        (*environment).endpoint,
	"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": (*environment).tracesEndpoint,
	"OTEL_EXPORTER_OTLP_PROTOCOL":        (*environment).protocol,
	"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": (*environment).tracesProtocol,
	"OTEL_EXPORTER_OTLP_INSECURE":        (*environment).insecure,
	"OTEL_EXPORTER_OTLP_TRACES_INSECURE": (*environment).insecure,
}

// Variables are the environment variables of OpenTelemetry's specification that
// are honoured.
func Variables() []string {
	return slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(readHere)), readBySDK...)))
}

// environment is what the variables say.
type environment struct {
	config     Config
	off        bool   // of the whole SDK
	none       string // the variable that wants no traces
	addressed  string // the variable that names a collector
	spoken     string // the variable that names a protocol
	samples    string // the variable that names a sampler
	argument   float64
	wantsRatio bool
}

// WithEnvironment completes the configuration with the environment variables of
// OpenTelemetry's specification (see [Variables]). What c says holds; a variable
// that says otherwise is an error, as is one that cannot be honoured. An empty
// variable says nothing. OTEL_SDK_DISABLED alone wins over c.
func (c Config) WithEnvironment(lookup Lookup) (Config, error) {
	e := &environment{argument: 1}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(readHere)) { // TRACES_ comes after what it overrides
		value, _ := lookup(name)
		if value = strings.TrimSpace(value); value == "" {
			continue
		}
		if err := readHere[name](e, value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	merged, err := e.under(c)
	if err := errors.Join(append(errs, err)...); err != nil {
		return Config{}, err
	}
	return merged, nil
}

// under lays what the variables say below the configuration.
func (e *environment) under(c Config) (Config, error) {
	from := e.config
	if from.ServiceName != "" {
		c.ServiceName = from.ServiceName
		delete(from.Attributes, string(semconv.ServiceNameKey))
	}
	c.Attributes, c.Propagators = from.Attributes, from.Propagators
	err := errors.Join(e.layRatio(&c), e.layEndpoint(&c), e.layProtocol(&c))
	if e.off {
		c.OTLPEndpoint, c.Prometheus = "", false
	}
	return c, err
}

func (e *environment) layRatio(c *Config) error {
	ratio := e.config.SampleRatio
	if e.wantsRatio {
		ratio = e.argument
	}
	switch {
	case e.samples == "":
	case c.SampleRatioGiven && c.SampleRatio != ratio:
		return differ("sample_ratio", c.SampleRatio, e.samples, ratio)
	default:
		c.SampleRatio, c.IgnoreParents = ratio, e.config.IgnoreParents
	}
	return nil
}

func (e *environment) layEndpoint(c *Config) error {
	from := e.config
	switch {
	case e.none != "" && c.OTLPEndpoint != "":
		return differ("otlp_endpoint", c.OTLPEndpoint, e.none, "none")
	case e.none != "" || e.addressed == "":
	case c.OTLPEndpoint != "" && c.OTLPEndpoint != from.OTLPEndpoint:
		return differ("otlp_endpoint", c.OTLPEndpoint, e.addressed, from.OTLPEndpoint)
	default:
		c.OTLPEndpoint, c.OTLPPath = from.OTLPEndpoint, from.OTLPPath
		c.OTLPInsecure = c.OTLPInsecure || from.OTLPInsecure
	}
	return nil
}

func (e *environment) layProtocol(c *Config) error {
	switch {
	case e.spoken == "":
	case c.OTLPProtocol != ProtocolByPort && c.OTLPProtocol != e.config.OTLPProtocol:
		return differ("otlp_protocol", c.OTLPProtocol, e.spoken, e.config.OTLPProtocol)
	default:
		c.OTLPProtocol = e.config.OTLPProtocol
	}
	return nil
}

// differ is the error of a variable that contradicts the configuration.
func differ(field string, has any, variable string, says any) error {
	return fmt.Errorf("%s says %v, and telemetry.%s is %v; remove one of the two", variable, says, field, has)
}

func (e *environment) disabled(value string) (err error) {
	e.off, err = boolean(value)
	return err
}

func (e *environment) serviceName(value string) error {
	e.config.ServiceName = value
	return nil
}

// resourceAttributes reads key=value pairs between commas, whose values are
// percent-encoded.
func (e *environment) resourceAttributes(value string) error {
	e.config.Attributes = map[string]string{}
	for pair := range strings.SplitSeq(value, ",") {
		key, text, found := strings.Cut(pair, "=")
		decoded, err := url.PathUnescape(strings.TrimSpace(text))
		if key = strings.TrimSpace(key); !found || key == "" || err != nil {
			return fmt.Errorf("%q is no KEY=VALUE", pair)
		}
		e.config.Attributes[key] = decoded
	}
	return nil
}

func (e *environment) propagators(value string) error {
	var names []string
	for name := range strings.SplitSeq(value, ",") {
		switch name = strings.TrimSpace(name); name {
		case "tracecontext", "baggage":
			names = append(names, name)
		case "none":
			if value != name {
				return fmt.Errorf("%q: none stands alone", value)
			}
		default:
			return fmt.Errorf("%q is not supported; write tracecontext, baggage or none", name)
		}
	}
	e.config.Propagators = &names
	return nil
}

func (e *environment) exporter(value string) error {
	switch value {
	case "otlp":
	case "none":
		e.none = "OTEL_TRACES_EXPORTER"
	default:
		return fmt.Errorf("%q is not supported; write otlp or none", value)
	}
	return nil
}

func (e *environment) sampler(value string) error {
	e.samples = "OTEL_TRACES_SAMPLER"
	name, parentBased := strings.CutPrefix(value, "parentbased_")
	e.config.IgnoreParents = !parentBased
	switch name {
	case "always_on":
		e.config.SampleRatio = 1
	case "always_off":
		e.config.SampleRatio = 0
	case "traceidratio":
		e.wantsRatio = true
	default:
		return fmt.Errorf("%q is not supported; write always_on, always_off or traceidratio, with parentbased_ in front or not", value)
	}
	return nil
}

func (e *environment) samplerArgument(value string) error {
	ratio, err := strconv.ParseFloat(value, 64)
	if err != nil || checkRatio(ratio) != nil {
		return fmt.Errorf("%q is no number from 0 to 1", value)
	}
	e.argument = ratio
	return nil
}

// endpoint is that of all signals: over HTTP the path of traces is added to it.
func (e *environment) endpoint(value string) error {
	address, path, err := cutPath(value)
	if err != nil {
		return err
	}
	e.addressed, e.config.OTLPEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT", address
	e.config.OTLPPath = strings.TrimSuffix(path, "/") + defaultPath
	return nil
}

// tracesEndpoint is taken as it is.
func (e *environment) tracesEndpoint(value string) error {
	address, path, err := cutPath(value)
	if err != nil {
		return err
	}
	e.addressed, e.config.OTLPEndpoint, e.config.OTLPPath = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", address, path
	if path == "" {
		e.config.OTLPPath = "/"
	}
	return nil
}

func (e *environment) protocol(value string) error {
	return e.speaks("OTEL_EXPORTER_OTLP_PROTOCOL", value)
}

func (e *environment) tracesProtocol(value string) error {
	return e.speaks("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", value)
}

func (e *environment) speaks(variable, value string) error {
	e.spoken = variable
	switch value {
	case "grpc":
		e.config.OTLPProtocol = ProtocolGRPC
	case "http/protobuf":
		e.config.OTLPProtocol = ProtocolHTTP
	default:
		return fmt.Errorf("%q is not supported; write grpc or http/protobuf", value)
	}
	return nil
}

func (e *environment) insecure(value string) (err error) {
	e.config.OTLPInsecure, err = boolean(value)
	return err
}

func boolean(value string) (bool, error) {
	switch strings.ToLower(value) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", value)
}
