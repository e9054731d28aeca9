package upstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"
)

// layerName is how a service config names the layer over another balancer.
const layerName = "venta_layer"

func init() { balancer.Register(layerBuilder{}) } //nolint:gochecknoinits // Register must not be called later

// layerConfig is the balancer below and its config.
type layerConfig struct {
	serviceconfig.LoadBalancingConfig
	below  balancer.Builder
	config serviceconfig.LoadBalancingConfig
}

// layered puts the layer over the balancer that a service config names.
func layered(text string) (string, error) {
	var config map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		return "", fmt.Errorf("the resolver's service config: %w", err)
	}
	below, ok := config["loadBalancingConfig"]
	if !ok {
		return text, nil
	}
	over, err := json.Marshal([]any{map[string]any{layerName: map[string]any{"below": below}}})
	if err != nil {
		return "", err
	}
	config["loadBalancingConfig"] = over
	all, err := json.Marshal(config)
	return string(all), err
}

type layerBuilder struct{}

func (layerBuilder) Name() string { return layerName }

// ParseConfig takes the first of the balancers below that is linked.
func (layerBuilder) ParseConfig(text json.RawMessage) (serviceconfig.LoadBalancingConfig, error) {
	var config struct {
		Below []map[string]json.RawMessage `json:"below"`
	}
	if err := json.Unmarshal(text, &config); err != nil {
		return nil, fmt.Errorf("upstream: %s: %w", layerName, err)
	}
	for _, choice := range config.Below {
		for name, raw := range choice {
			if below := balancer.Get(name); below != nil {
				return parseBelow(below, raw)
			}
		}
	}
	return nil, fmt.Errorf("upstream: %s: no known balancer in %s", layerName, text)
}

func parseBelow(below balancer.Builder, raw json.RawMessage) (serviceconfig.LoadBalancingConfig, error) {
	config := &layerConfig{below: below}
	parser, ok := below.(balancer.ConfigParser)
	if !ok {
		return config, nil
	}
	var err error
	config.config, err = parser.ParseConfig(raw)
	return config, err
}

func (layerBuilder) Build(cc balancer.ClientConn, o balancer.BuildOptions) balancer.Balancer {
	return &layer{ClientConn: cc, options: o, endpoints: map[string]*sharedEndpoint{}}
}

// layer lets another balancer choose and asks it again when an address is not to
// be used: that is how groups and slow start work where the control plane names
// the balancer.
type layer struct {
	balancer.ClientConn // of grpc-go, as the balancer below sees it
	options             balancer.BuildOptions
	below               balancer.Balancer
	name                string
	hub                 *hub

	mu        sync.Mutex
	endpoints map[string]*sharedEndpoint
	known     atomic.Int64 // how many endpoints there are
}

// sharedEndpoint is an address with a number of connections that the balancer
// below decides; they count as one.
type sharedEndpoint struct {
	*endpoint
	users int
}

var errNoConfig = errors.New("upstream: the layer needs a config")

// UpdateClientConnState passes on what was found.
func (l *layer) UpdateClientConnState(s balancer.ClientConnState) error {
	config, ok := s.BalancerConfig.(*layerConfig)
	if !ok {
		return errors.Join(errNoConfig, balancer.ErrBadResolverState)
	}
	if l.hub == nil { // set once: connections read it
		l.hub = hubOf(s.ResolverState.Attributes)
	}
	if l.hub == nil {
		return errors.Join(errForeign, balancer.ErrBadResolverState)
	}
	if l.name != config.below.Name() {
		l.Close()
		l.name, l.below = config.below.Name(), config.below.Build(l, l.options)
	}
	s.BalancerConfig = config.config
	return l.below.UpdateClientConnState(s)
}

// UpdateState puts the layer's picker over that of the balancer below.
func (l *layer) UpdateState(s balancer.State) {
	if s.ConnectivityState == connectivity.Ready {
		s.Picker = &layerPicker{layer: l, below: s.Picker}
	}
	l.ClientConn.UpdateState(s)
}

// ResolverError passes on that nothing was found.
func (l *layer) ResolverError(err error) {
	if l.below == nil {
		l.ClientConn.UpdateState(balancer.State{ConnectivityState: connectivity.TransientFailure, Picker: failing{err}})
		return
	}
	l.below.ResolverError(err)
}

// UpdateSubConnState is deprecated and never called.
func (*layer) UpdateSubConnState(balancer.SubConn, balancer.SubConnState) {}

// ExitIdle connects.
func (l *layer) ExitIdle() {
	if l.below != nil {
		l.below.ExitIdle()
	}
}

// Close drops the connections.
func (l *layer) Close() {
	if l.below != nil {
		l.below.Close()
	}
}

// subConn is a connection that knows its endpoint.
type subConn struct {
	balancer.SubConn
	layer    *layer
	endpoint *sharedEndpoint
	shut     atomic.Bool
}

// NewSubConn makes a connection for the balancer below.
func (l *layer) NewSubConn(to []resolver.Address, o balancer.NewSubConnOptions) (balancer.SubConn, error) {
	if len(to) == 0 {
		return nil, errors.New("upstream: a connection without an address")
	}
	sc := &subConn{layer: l, endpoint: l.use(to[0].Addr)}
	if listen := o.StateListener; listen != nil {
		o.StateListener = func(s balancer.SubConnState) {
			sc.seen(s)
			listen(s)
		}
	}
	var err error
	if sc.SubConn, err = newChecked(l.ClientConn, to, o, l.hub.options.ConnectTimeout); err != nil {
		l.drop(sc.endpoint)
		return nil, err
	}
	return sc, nil
}

// RemoveSubConn is the deprecated form of Shutdown.
func (l *layer) RemoveSubConn(sc balancer.SubConn) { sc.Shutdown() }

// UpdateAddresses is deprecated; the connection keeps its endpoint.
func (l *layer) UpdateAddresses(sc balancer.SubConn, to []resolver.Address) {
	if own, ok := sc.(*subConn); ok {
		sc = bare(own.SubConn)
	}
	l.ClientConn.UpdateAddresses(sc, to) //nolint:staticcheck // the balancer below asks for it
}

// Shutdown closes the connection.
func (s *subConn) Shutdown() {
	s.SubConn.Shutdown()
	if !s.shut.Swap(true) {
		s.layer.drop(s.endpoint)
	}
}

// seen takes a connection's state as its endpoint's.
func (s *subConn) seen(state balancer.SubConnState) {
	if state.ConnectivityState == connectivity.Shutdown {
		return
	}
	l := s.layer
	l.mu.Lock()
	defer l.mu.Unlock()
	s.endpoint.conns[0].latest.Store(&connSeen{state: state.ConnectivityState, err: state.ConnectionError})
	if change, ok := s.endpoint.judge(); ok {
		l.tell(change)
	}
}

// use returns the endpoint of an address for one more connection.
func (l *layer) use(address string) *sharedEndpoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.endpoints[address]
	if e == nil {
		e = &sharedEndpoint{endpoint: newEndpoint(l.hub, address, 1)}
		l.endpoints = maps.Clone(l.endpoints)
		l.endpoints[address] = e
		l.tell()
	}
	e.users++
	return e
}

// drop gives up one connection of an endpoint.
func (l *layer) drop(e *sharedEndpoint) {
	l.mu.Lock()
	e.users--
	last := e.users == 0
	if last {
		l.endpoints = maps.Clone(l.endpoints)
		delete(l.endpoints, e.address)
		l.tell(Change{Target: l.hub.target, Address: e.address, From: e.state, To: connectivity.Shutdown})
	}
	l.mu.Unlock()
	if last {
		l.hub.retain()
	}
}

// tell passes on changes and what there is. The lock is held.
func (l *layer) tell(changes ...Change) {
	all := make(map[string]*endpoint, len(l.endpoints))
	for address, e := range l.endpoints {
		all[address] = e.endpoint
	}
	l.known.Store(int64(len(all)))
	l.hub.tell(all, changes)
}
