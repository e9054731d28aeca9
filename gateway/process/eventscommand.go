package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/events"
)

const (
	// eventsCommandTime bounds a command that asks the log.
	eventsCommandTime = 30 * time.Second
	// mostShown is how much of a payload one line shows.
	mostShown = 200
	// lettersPage is how many dead letters are read at once.
	lettersPage = 100
)

// eventsCommand looks after events that nobody could handle.
type eventsCommand struct {
	Dead   deadCommand   `cmd:"" help:"List the events that a consumer could not handle."`
	Replay replayCommand `cmd:"" help:"Have such events handled again."`
}

// logFlags say where the log of events is.
type logFlags struct {
	Config string `help:"Configuration file (YAML), of which events is read." placeholder:"FILE"`
	Data   string `help:"Data folder of a running dev, whose log is used where events.url names none." default:"${data}" placeholder:"DIR"`
}

type deadCommand struct {
	logFlags
	From  uint64 `help:"The first number to show." default:"1"`
	Limit int    `help:"How many to show." default:"100"`
}

// Run prints a line for each.
func (c *deadCommand) Run(ctx context.Context, e *environment) error {
	return c.open(ctx, e, func(ctx context.Context, dead *events.DeadLetters) error {
		letters, err := dead.List(ctx, c.From, c.Limit)
		if err != nil {
			return err
		}
		for _, l := range letters {
			err := e.printf("%d\t%s\t%s\t%s\tid=%s\tsequence=%d\tdeliveries=%d\t%q\t%s\n", l.Number, l.At.UTC().Format(time.RFC3339),
				l.Consumer, l.Subject, l.ID, l.Sequence, l.Deliveries, l.Reason, printable(l.Data))
			if err != nil {
				return err
			}
		}
		if len(letters) == 0 {
			return e.printf("There are no dead letters.\n")
		}
		return nil
	})
}

// printable is the beginning of a payload, in one line that moves no cursor.
func printable(data []byte) string {
	quoted := fmt.Sprintf("%q", data[:min(len(data), mostShown)])
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

type replayCommand struct {
	logFlags
	Numbers []uint64 `arg:"" optional:"" help:"Numbers that dead shows."`
	All     bool     `help:"Replay every one that is there now."`
}

// Run replays in the order of the numbers.
func (c *replayCommand) Run(ctx context.Context, e *environment) error {
	if c.All == (len(c.Numbers) > 0) {
		return errors.New("give numbers, or --all")
	}
	return c.open(ctx, e, func(ctx context.Context, dead *events.DeadLetters) error {
		letters, err := c.chosen(ctx, dead)
		if err != nil {
			return err
		}
		for i, l := range letters {
			if err := dead.Replay(ctx, l); err != nil {
				return fmt.Errorf("%d of %d are replayed: %w", i, len(letters), err)
			}
		}
		return e.printf("%d replayed.\n", len(letters))
	})
}

// chosen finds all before the first is replayed: what fails again comes after them.
func (c *replayCommand) chosen(ctx context.Context, dead *events.DeadLetters) ([]events.DeadLetter, error) {
	var all []events.DeadLetter
	for _, number := range c.Numbers {
		found, err := dead.List(ctx, number, 1)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 || found[0].Number != number {
			return nil, fmt.Errorf("there is no dead letter %d", number)
		}
		all = append(all, found[0])
	}
	for next := uint64(1); c.All; {
		found, err := dead.List(ctx, next, lettersPage)
		if err != nil || len(found) == 0 {
			return all, err
		}
		all = append(all, found...)
		next = found[len(found)-1].Number + 1
	}
	return all, nil
}

// open connects to the log.
func (f logFlags) open(ctx context.Context, e *environment, use func(context.Context, *events.DeadLetters) error) error {
	loaded, err := config.Load(e.program.uncalled(Options{ConfigFile: f.Config, Environ: e.Environ}))
	if err != nil {
		return err
	}
	making := preparation{program: e.program, loaded: loaded}
	options := making.events()
	if err := errors.Join(making.errs...); err != nil {
		return err
	}
	if options == nil {
		if options, err = f.running(e.program.Name); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, eventsCommandTime)
	defer cancel()
	conn, err := events.Connect(*options)
	if err != nil {
		return err
	}
	err = use(ctx, conn.DeadLetters(loaded.Config.GetEvents().GetStream()))
	if errors.Is(err, context.DeadlineExceeded) && !conn.Connected() {
		err = errors.New("no server of the log of events responds")
	}
	return errors.Join(err, conn.Close(ctx))
}

// running is the log of a process with this data folder.
func (f logFlags) running(name string) (*events.Options, error) {
	url, err := os.ReadFile(filepath.Join(f.Data, eventsURLFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("events.url is not configured, and no process with the data folder %s has a log of its own", f.Data)
	}
	if err != nil {
		return nil, err
	}
	return &events.Options{URL: string(url), Name: name}, nil
}
