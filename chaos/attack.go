package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/venta-hq/venta/chaos/internal/attack"
	"github.com/venta-hq/venta/chaos/internal/stage"
)

// errBroken is returned after the table has said what broke.
var errBroken = errors.New("an attack had an effect that it must not have")

// attackCommand carries attacks out.
type attackCommand struct {
	Part   []string `help:"The parts to attack: upstream, blame, stored, held (default all)." placeholder:"PART" enum:"upstream,blame,stored,held"`
	Short  bool     `help:"Run the short form that is part of the tests."`
	JSON   bool     `name:"json" help:"Print JSON in place of the table."`
	Binary string   `help:"The gateway's binary (default: built from ./cmd/venta)." placeholder:"FILE" type:"existingfile"`
}

// Run carries the attacks out one after the other and prints what came of them.
func (c *attackCommand) Run(ctx context.Context) error {
	site, err := stage.Open(ctx, c.Binary, nil)
	if err != nil {
		return err
	}
	var results []attack.Result
	for _, a := range c.choose() {
		if ctx.Err() == nil {
			results = append(results, a.Run(ctx, site))
		}
	}
	if err := errors.Join(c.print(results), site.Close(), ctx.Err()); err != nil {
		return err
	}
	if slices.ContainsFunc(results, func(r attack.Result) bool { return !r.OK() }) {
		return errBroken
	}
	return nil
}

// choose returns the attacks that the flags name.
func (c *attackCommand) choose() []attack.Attack {
	return slices.DeleteFunc(attack.All(), func(a attack.Attack) bool {
		return c.Short && !a.Short || len(c.Part) > 0 && !slices.Contains(c.Part, a.Part)
	})
}

func (c *attackCommand) print(results []attack.Result) error {
	if c.JSON {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(results)
	}
	var rows strings.Builder
	rows.WriteString("\tpart\tattack\texpected\tgot\ttook\n")
	for _, r := range results {
		word := "PASS"
		if !r.OK() {
			word = "FAIL"
		}
		fmt.Fprintf(&rows, "%s\t%s\t%s\t%s\t%s\t%s\n", word, r.Part, r.Name, r.Expected, r.Got, r.Took.Round(time.Millisecond))
	}
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	if _, err := t.Write([]byte(rows.String())); err != nil {
		return err
	}
	return t.Flush()
}
