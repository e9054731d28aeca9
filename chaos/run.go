package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/venta-hq/venta/chaos/internal/backend"
	"github.com/venta-hq/venta/chaos/internal/report"
	"github.com/venta-hq/venta/chaos/internal/scenario"
	"github.com/venta-hq/venta/chaos/internal/stage"
)

// errFailed is returned after the table has said what failed.
var errFailed = errors.New("a scenario failed")

// runCommand runs scenarios.
type runCommand struct {
	Scenario []string `help:"The scenarios to run, by name (default all); an unknown name lists them." placeholder:"NAME"`
	Duration float64  `help:"How much longer loads last than in a full run." default:"1" placeholder:"SCALE"`
	Short    bool     `help:"Run the short form that is part of the tests."`
	JSON     bool     `name:"json" help:"Print JSON in place of the table."`
	Logs     bool     `help:"Print the gateways' last log lines of what failed to standard error."`
	Binary   string   `help:"The gateway's binary (default: built from ./cmd/venta)." placeholder:"FILE" type:"existingfile"`
}

// Run runs the scenarios one after the other and prints what they found.
func (c *runCommand) Run(ctx context.Context) error {
	chosen, err := c.choose()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	site, err := stage.Open(ctx, c.Binary, []string{self, "backend"})
	if err != nil {
		return err
	}
	found := c.play(ctx, site, chosen)
	if err := errors.Join(c.print(found), site.Close(), ctx.Err()); err != nil {
		return err
	}
	if !report.Passed(found) {
		return errFailed
	}
	return nil
}

// choose returns the scenarios that the flags name.
func (c *runCommand) choose() ([]scenario.Scenario, error) {
	if c.Duration <= 0 || c.Duration > 100 {
		return nil, fmt.Errorf("--duration: must be more than 0 and at most 100, not %v", c.Duration)
	}
	var names []string
	var chosen []scenario.Scenario
	for _, s := range scenario.All() {
		names = append(names, s.Name)
		named := slices.Contains(c.Scenario, s.Name)
		if named || len(c.Scenario) == 0 && (s.Short || !c.Short) {
			chosen = append(chosen, s)
		}
	}
	for _, name := range c.Scenario {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("--scenario: no scenario %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	return chosen, nil
}

func (c *runCommand) play(ctx context.Context, site *stage.Site, chosen []scenario.Scenario) []report.Scenario {
	form := scenario.Full()
	if c.Short {
		form = scenario.Short()
	}
	form.Scale *= c.Duration
	var found []report.Scenario
	for _, s := range chosen {
		if ctx.Err() != nil {
			break
		}
		fmt.Fprintf(os.Stderr, "%s ...\n", s.Name)
		found = append(found, s.Run(ctx, site, form))
	}
	return found
}

func (c *runCommand) print(found []report.Scenario) error {
	for _, s := range found {
		if c.Logs && s.Logs != "" {
			fmt.Fprintf(os.Stderr, "--- %s\n%s\n", s.Name, s.Logs)
		}
	}
	if c.JSON {
		return report.JSON(os.Stdout, found)
	}
	return report.Table(os.Stdout, found)
}

// backendCommand is a backend of a scenario.
type backendCommand struct {
	Address string `help:"Where to serve." default:"127.0.0.1:0" placeholder:"HOST:PORT"`
}

// Run serves until ctx ends.
func (c *backendCommand) Run(ctx context.Context) error {
	return backend.Serve(ctx, c.Address, func(serving, control string) {
		fmt.Printf("backend %s %s\n", serving, control)
	})
}
