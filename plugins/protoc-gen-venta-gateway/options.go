package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/venta-hq/venta/plugins/internal/program"
	"github.com/venta-hq/venta/plugins/internal/resolve"
	"github.com/venta-hq/venta/plugins/protoc-gen-venta-gateway/internal/emit"
)

// options are the plugin's own options, those of protoc-gen-grpc-gateway with
// the same names, defaults and meanings.
type options struct {
	flags *flag.FlagSet

	resolve              resolve.Options
	emit                 emit.Options
	grpcAPIConfiguration string
	separator            string
	allowPatchFeature    bool
	requestContext       bool
	roots                program.Roots
}

// separators are the names of repeated_path_param_separator.
var separators = map[string]string{"csv": "", "pipes": "|", "ssv": " ", "tsv": "\t"}

func newOptions() *options {
	o := &options{flags: flag.NewFlagSet("", flag.ContinueOnError)}
	f := o.flags
	f.BoolVar(&o.resolve.AllowDeleteBody, "allow_delete_body", false, "")
	f.BoolVar(&o.resolve.GenerateUnbound, "generate_unbound_methods", false, "")
	f.BoolVar(&o.resolve.WholeAPI, "whole_api", false, "")
	f.BoolVar(&o.resolve.WarnUnbound, "warn_on_unbound_methods", false, "")
	f.StringVar(&o.grpcAPIConfiguration, "grpc_api_configuration", "", "")
	f.StringVar(&o.emit.Suffix, "register_func_suffix", "Handler", "")
	f.BoolVar(&o.emit.Standalone, "standalone", false, "")
	f.BoolVar(&o.emit.OmitPackageDoc, "omit_package_doc", false, "")
	f.BoolVar(&o.emit.Service.StrictDeepWildcard, "strict_deep_wildcard", false, "")
	f.BoolVar(&o.allowPatchFeature, "allow_patch_feature", true, "")
	f.StringVar(&o.separator, "repeated_path_param_separator", "csv", "")
	f.BoolVar(&o.requestContext, "request_context", true, "")
	f.Var(&o.roots, "module_root", "")
	// Messages of either API are bound by reflection, lists in bodies are always
	// admitted, and there is no log to send elsewhere.
	f.Bool("use_opaque_api", false, "")
	f.Bool("allow_repeated_fields_in_body", true, "")
	f.Bool("logtostderr", false, "")
	return o
}

// set is called with each option that no Go plugin knows.
func (o *options) set(name, value string) error {
	if o.flags.Lookup(name) == nil {
		return fmt.Errorf("unknown option %q: protoc-gen-venta-gateway takes those of protoc-gen-grpc-gateway, module_root and whole_api; "+
			"policies are written in the schema, see venta/policy/v1/policy.proto", name)
	}
	if err := o.flags.Set(name, value); err != nil {
		return fmt.Errorf("option %s=%s: %w", name, value, err)
	}
	return nil
}

// finish checks the options together and reads what they name.
func (o *options) finish() error {
	separator, ok := separators[o.separator]
	if !ok {
		return fmt.Errorf("option repeated_path_param_separator=%s: write csv, pipes, ssv or tsv", o.separator)
	}
	o.emit.Service.PathSeparator = separator
	o.emit.Service.NoPatchMask = !o.allowPatchFeature
	o.emit.Service.RegistrationContext = !o.requestContext
	o.resolve.FileName = o.roots.FileName
	if o.grpcAPIConfiguration == "" {
		return nil
	}
	content, err := os.ReadFile(o.grpcAPIConfiguration)
	if err != nil {
		return fmt.Errorf("option grpc_api_configuration: %w", err)
	}
	o.resolve.Config, err = resolve.ParseServiceConfig(o.grpcAPIConfiguration, content)
	return err
}
