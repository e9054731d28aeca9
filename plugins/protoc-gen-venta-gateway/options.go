package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

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
	moduleRoots          []string
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
	f.Func("module_root", "", o.addModuleRoot)
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

// addModuleRoot adds a folder that import paths begin in.
func (o *options) addModuleRoot(folder string) error {
	info, err := os.Stat(folder)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no folder", folder)
	}
	o.moduleRoots = append(o.moduleRoots, folder)
	return nil
}

// fileName returns a schema's path below the first root that has it, or its import
// path: a compiler says no more of where its files are.
func (o *options) fileName(path string) string {
	for _, root := range o.moduleRoots {
		name := filepath.Join(root, filepath.FromSlash(path))
		if _, err := os.Stat(name); err == nil {
			return name
		}
	}
	return path
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
	o.resolve.FileName = o.fileName
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
