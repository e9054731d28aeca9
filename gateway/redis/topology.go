package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/redis/rueidis"
)

// topology says which guard stands before which slot. It is immutable.
type topology struct {
	// rest stands before a single server, and before what belongs to no node.
	rest   *guard
	nodes  map[string]*guard
	slots  *[Slots]*guard    // nil but in a cluster
	probes map[*guard]string // a key that the guard's node serves; "" for any node
}

func newTopology(o Options) *topology {
	rest, key := newGuard("", o.MaxInFlight), o.KeyPrefix+probeName
	if o.Cluster {
		key = ""
	}
	return &topology{rest: rest, probes: map[*guard]string{rest: key}}
}

func (t *topology) of(key string) *guard {
	if t.slots == nil || key == "" {
		return t.rest
	}
	if g := t.slots[Slot(key)]; g != nil {
		return g
	}
	return t.rest
}

// slotRange is a line of CLUSTER SLOTS.
type slotRange struct {
	first, last uint16
	master      string
}

func (r slotRange) has(slot uint16) bool { return r.first <= slot && slot <= r.last }

// with returns the topology of new ranges. Guards of known nodes stay as they are.
func (t *topology) with(ranges []slotRange, prefix string) *topology {
	next := &topology{
		rest:   t.rest,
		nodes:  make(map[string]*guard),
		slots:  new([Slots]*guard),
		probes: map[*guard]string{t.rest: t.probes[t.rest]},
	}
	for _, each := range ranges {
		g := next.nodes[each.master]
		if g == nil {
			if g = t.nodes[each.master]; g == nil {
				g = newGuard(each.master, cap(t.rest.places))
			}
			next.nodes[each.master] = g
			next.probes[g] = probeKey(t.probes[g], each, prefix)
		}
		for slot := int(each.first); slot <= int(each.last); slot++ {
			next.slots[slot] = g
		}
	}
	return next
}

const probeName = "probe"

// probeKey returns a key in the range, the known one where it still is.
func probeKey(known string, r slotRange, prefix string) string {
	if known != "" && r.has(Slot(known)) {
		return known
	}
	for i := 0; ; i++ {
		if key := prefix + probeName + strconv.Itoa(i); r.has(Slot(key)) {
			return key
		}
	}
}

// askSlots returns the ranges as the first node that replies sees them.
func askSlots(ctx context.Context, r rueidis.Client, timeout time.Duration) ([]slotRange, error) {
	err := errors.New("the cluster has no nodes")
	for address, node := range r.Nodes() {
		var ranges []slotRange
		if ranges, err = askNode(ctx, node, address, timeout); err == nil {
			return ranges, nil
		}
	}
	return nil, err
}

func askNode(ctx context.Context, node rueidis.Client, address string, timeout time.Duration) ([]slotRange, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	lines, err := node.Do(ctx, node.B().ClusterSlots().Build()).ToArray()
	if err != nil {
		return nil, err
	}
	ranges := make([]slotRange, 0, len(lines))
	for _, line := range lines {
		parsed, err := parseRange(line, address)
		if err != nil {
			return nil, fmt.Errorf("CLUSTER SLOTS: %w", err)
		}
		ranges = append(ranges, parsed)
	}
	return ranges, nil
}

var errMalformed = errors.New("malformed range")

// parseRange reads [first, last, [host, port, ...], replicas...].
func parseRange(line rueidis.RedisMessage, from string) (slotRange, error) {
	fields, err := line.ToArray()
	if err != nil || len(fields) < 3 {
		return slotRange{}, errors.Join(errMalformed, err)
	}
	first, err1 := fields[0].AsInt64()
	last, err2 := fields[1].AsInt64()
	master, err3 := fields[2].ToArray()
	if err := errors.Join(err1, err2, err3); err != nil {
		return slotRange{}, err
	}
	if first < 0 || last < first || last >= Slots || len(master) < 2 {
		return slotRange{}, errMalformed
	}
	port, err := master[1].AsInt64()
	if err != nil {
		return slotRange{}, err
	}
	return slotRange{uint16(first), uint16(last), endpoint(master[0], port, from)}, nil
}

// endpoint names a node. One that does not know its own host has that under
// which it was asked.
func endpoint(host rueidis.RedisMessage, port int64, from string) string {
	name, err := host.ToString()
	if err != nil || name == "" {
		name, _, _ = net.SplitHostPort(from)
	}
	return net.JoinHostPort(name, strconv.FormatInt(port, 10))
}
