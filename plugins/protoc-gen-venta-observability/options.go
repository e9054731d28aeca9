package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/venta-hq/venta/plugins/internal/program"
	"github.com/venta-hq/venta/plugins/internal/resolve"
	"github.com/venta-hq/venta/plugins/protoc-gen-venta-observability/internal/rules"
)

// options are the plugin's own options.
type options struct {
	flags *flag.FlagSet

	resolve              resolve.Options
	rules                rules.Options
	roots                program.Roots
	grpcAPIConfiguration string
}

func newOptions() *options {
	o := &options{flags: flag.NewFlagSet("", flag.ContinueOnError)}
	f := o.flags
	f.StringVar(&o.rules.Queries.Job, "job", "venta", "")
	f.BoolVar(&o.rules.Queries.Native, "native_histograms", false, "")
	f.IntVar(&o.rules.Queries.TimeScale, "time_scale", 1, "")
	f.IntVar(&o.rules.Floor, "floor", 5, "")
	f.StringVar(&o.rules.GrafanaURL, "grafana_url", "", "")
	f.StringVar(&o.rules.RunbooksURL, "runbooks_url", "runbooks.md", "")
	f.Var(&o.roots, "module_root", "")
	f.StringVar(&o.grpcAPIConfiguration, "grpc_api_configuration", "", "")
	f.BoolVar(&o.resolve.GenerateUnbound, "generate_unbound_methods", false, "")
	f.BoolVar(&o.resolve.AllowDeleteBody, "allow_delete_body", false, "")
	return o
}

// set is called with each option that no Go plugin knows.
func (o *options) set(name, value string) error {
	if o.flags.Lookup(name) == nil {
		return fmt.Errorf("unknown option %q: see the documentation of protoc-gen-venta-observability", name)
	}
	if err := o.flags.Set(name, value); err != nil {
		return fmt.Errorf("option %s=%s: %w", name, value, err)
	}
	return nil
}

// jobName is what stands in a query as it is.
var jobName = regexp.MustCompile(`^[A-Za-z0-9_./:-]+$`)

// finish checks the options and reads what they name.
func (o *options) finish() error {
	var errs []error
	if !jobName.MatchString(o.rules.Queries.Job) {
		errs = append(errs, fmt.Errorf("option job=%s: write letters, digits and any of _./:-", o.rules.Queries.Job))
	}
	if o.rules.Floor < 1 {
		errs = append(errs, fmt.Errorf("option floor=%d: write 1 or more", o.rules.Floor))
	}
	if scale := o.rules.Queries.TimeScale; scale < 1 || scale > 60 {
		errs = append(errs, fmt.Errorf("option time_scale=%d: write a number from 1 to 60", scale))
	}
	o.rules.GrafanaURL = strings.TrimSuffix(o.rules.GrafanaURL, "/")
	o.resolve.FileName = o.roots.FileName
	o.resolve.BoundLatencies = !o.rules.Queries.Native
	if o.grpcAPIConfiguration != "" {
		content, err := os.ReadFile(o.grpcAPIConfiguration)
		if err == nil {
			o.resolve.Config, err = resolve.ParseServiceConfig(o.grpcAPIConfiguration, content)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("option grpc_api_configuration: %w", err))
		}
	}
	return errors.Join(errs...)
}
