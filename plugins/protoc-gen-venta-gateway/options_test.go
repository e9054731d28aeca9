package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
)

// TestUnboundWarning holds that RPCs without a route are named, and only where
// that is wanted.
func TestUnboundWarning(t *testing.T) {
	files := map[string]string{"x.proto": strings.Replace(oneMethod, "OPTIONS", "", 1)}
	const warning = "x.proto:8:3: warning: Get has no google.api.http rule, so no client reaches it; add one, or leave out warn_on_unbound_methods\n"
	for parameter, want := range map[string]string{
		"":                              "",
		"warn_on_unbound_methods=false": "",
		"warn_on_unbound_methods=true":  warning,
		"warn_on_unbound_methods=true,generate_unbound_methods=true": "",
	} {
		request := compile(t, files, protocompile.SourceInfoStandard)
		request.Parameter = new(parameter)
		var warned bytes.Buffer
		if response := generate(request, &warned); response.Error != nil || warned.String() != want {
			t.Errorf("%q warned %q (error %q), want %q", parameter, warned.String(), response.GetError(), want)
		}
	}
}

// TestDefaultsOfOptions holds that an option with its default changes nothing.
func TestDefaultsOfOptions(t *testing.T) {
	request := request(t, accepted+"/bindings")
	want := outputs(t, generate(request, io.Discard))
	for _, option := range []string{
		"allow_delete_body=false", "allow_patch_feature=true", "generate_unbound_methods=false", "grpc_api_configuration=",
		"omit_package_doc=false", "register_func_suffix=Handler", "repeated_path_param_separator=csv", "request_context=true",
		"standalone=false", "strict_deep_wildcard=false", "warn_on_unbound_methods=false",
		// These have no effect, whatever they say.
		"omit_package_doc=true", "use_opaque_api=true", "allow_repeated_fields_in_body=false", "logtostderr=true",
	} {
		request.Parameter = new("paths=source_relative," + option)
		for name, content := range outputs(t, generate(request, io.Discard)) {
			if content != want[name] {
				t.Errorf("%s changes %s", option, name)
			}
		}
	}
}
