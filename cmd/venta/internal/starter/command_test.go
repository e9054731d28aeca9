package starter

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

func TestCommands(t *testing.T) {
	for _, c := range Commands() {
		var out bytes.Buffer
		if err := c.Run(t.Context(), []string{"--help"}, &out, io.Discard); err != nil {
			t.Errorf("%s --help: %v", c.Name, err)
		}
		if !strings.HasPrefix(out.String(), "Usage: venta "+c.Name+" ") || !strings.Contains(out.String(), c.Help) {
			t.Errorf("%s --help printed:\n%s", c.Name, out.String())
		}
		err := c.Run(t.Context(), []string{"--nonsense"}, io.Discard, io.Discard)
		if err == nil || !strings.HasSuffix(err.Error(), "(see venta "+c.Name+" --help)") {
			t.Errorf("%s --nonsense: %v", c.Name, err)
		}
	}
}

func TestCommandsRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "shop")
	for _, test := range []struct {
		command int
		args    []string
		prints  string
	}{
		{0, []string{dir, "--venta", "v1.2.3"}, "Next: cd " + dir + " && make run\n"},
		{1, []string{filepath.Join(dir, "third_party")}, "0 schemas written"},
	} {
		var out bytes.Buffer
		if err := Commands()[test.command].Run(t.Context(), test.args, &out, io.Discard); err != nil || !strings.Contains(out.String(), test.prints) {
			t.Errorf("%v: %v, printed:\n%s", test.args, err, out.String())
		}
	}
}
