package process

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/venta-hq/venta/gateway/internal/instrument"
)

// space is how much room a file system has, in bytes.
type space struct{ size, free, reserved int64 }

// spacePatience is how long a scrape waits for a file system: one over a network may
// never respond.
const spacePatience = time.Second

// disk looks at a file system that the process writes to, at most once at a time.
type disk struct {
	name, path string
	look       func(path string) (space, error)
	looking    chan struct{} // holds one while a look is under way
}

func newDisk(name, path string) *disk {
	return &disk{name: name, path: path, look: spaceOf, looking: make(chan struct{}, 1)}
}

// space returns how much room there is; false where the file system does not say.
func (d *disk) space(ctx context.Context) (space, bool) {
	select {
	case d.looking <- struct{}{}:
	default:
		return space{}, false // the last look is not over
	}
	found := make(chan space, 1)
	go func() { // it ends with the system's call, however long that takes
		defer func() { <-d.looking }()
		defer close(found)
		if s, err := d.look(standing(d.path)); err == nil {
			found <- s
		}
	}()
	late := time.NewTimer(spacePatience)
	defer late.Stop()
	select {
	case s, ok := <-found:
		return s, ok
	case <-late.C:
	case <-ctx.Done():
	}
	return space{}, false
}

// standing returns a path, or the closest folder above it that is there: what will be
// written to it comes to the same file system.
func standing(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	for {
		above := filepath.Dir(path)
		if _, err := os.Lstat(path); err == nil || above == path {
			return path
		}
		path = above
	}
}

// addDisks shows the room of the file systems that the process writes to.
func (p *process) addDisks() error {
	disks := []*disk{newDisk("data", p.data)}
	if file := p.loaded.Config.GetAudit().GetFile(); file != "" {
		disks = append(disks, newDisk("audit", filepath.Dir(file)))
	}
	return observeDisks(p.instruments(), disks)
}

func observeDisks(making instrument.Maker, disks []*disk) error {
	usage, limit := making.UpDownCounter(instrument.FilesystemUsage), making.UpDownCounter(instrument.FilesystemLimit)
	return making.Together(func(ctx context.Context, to metric.Observer) error {
		for _, d := range disks {
			s, ok := d.space(ctx)
			if !ok {
				continue
			}
			of := attribute.String("venta.filesystem.name", d.name)
			state := func(name string) metric.MeasurementOption {
				return metric.WithAttributes(of, attribute.String("system.filesystem.state", name))
			}
			to.ObserveInt64(usage, s.size-s.free-s.reserved, state("used"))
			to.ObserveInt64(usage, s.free, state("free"))
			to.ObserveInt64(usage, s.reserved, state("reserved"))
			to.ObserveInt64(limit, s.size, metric.WithAttributes(of))
		}
		return nil
	}, usage, limit)
}
