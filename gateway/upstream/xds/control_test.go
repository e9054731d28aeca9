package xds_test

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// controlPlane is an xDS server (ADS, state of the world) with one service.
type controlPlane struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	t *testing.T

	mu        sync.Mutex
	addresses []string
	version   int
	changed   chan struct{} // closed when the version grows
}

// newControlPlane starts one and returns it with the bootstrap that names it.
func newControlPlane(t *testing.T, addresses ...string) (*controlPlane, []byte) {
	t.Helper()
	c := &controlPlane{t: t, addresses: addresses, version: 1, changed: make(chan struct{})}
	server := grpc.NewServer()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(server, c)
	on := serve(t, server)
	return c, fmt.Appendf(nil, `{
		"xds_servers": [{"server_uri": %q, "channel_creds": [{"type": "insecure"}], "server_features": ["xds_v3"]}],
		"node": {"id": "test"}
	}`, on)
}

func serve(t *testing.T, server *grpc.Server) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(listener) // it ends with Stop
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

// set changes the addresses of the service.
func (c *controlPlane) set(addresses ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.addresses = addresses
	c.version++
	close(c.changed)
	c.changed = make(chan struct{})
}

// StreamAggregatedResources responses each new subscription, and all of them again
// when the addresses change.
func (c *controlPlane) StreamAggregatedResources(stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	requests := make(chan *discoveryv3.DiscoveryRequest)
	go func() {
		defer close(requests)
		for {
			request, err := stream.Recv()
			if err != nil {
				return
			}
			select {
			case requests <- request:
			case <-stream.Context().Done():
				return
			}
		}
	}()
	subscribed := map[string][]string{}
	for {
		c.mu.Lock()
		changed := c.changed
		c.mu.Unlock()
		select {
		case request, ok := <-requests:
			if !ok {
				return nil
			}
			if request.GetErrorDetail() != nil {
				c.t.Errorf("the client refuses %s: %s", request.GetTypeUrl(), request.GetErrorDetail().GetMessage())
			}
			if names, known := subscribed[request.GetTypeUrl()]; known && slices.Equal(names, request.GetResourceNames()) {
				continue // it has only taken note
			}
			subscribed[request.GetTypeUrl()] = request.GetResourceNames()
			if err := c.response(stream, request.GetTypeUrl()); err != nil {
				return err
			}
		case <-changed:
			for kind := range subscribed {
				if err := c.response(stream, kind); err != nil {
					return err
				}
			}
		}
	}
}

func (c *controlPlane) response(stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer, kind string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	version := strconv.Itoa(c.version)
	response := &discoveryv3.DiscoveryResponse{TypeUrl: kind, VersionInfo: version, Nonce: kind + version}
	for _, resource := range c.resources() {
		if packed := c.pack(resource); packed.GetTypeUrl() == kind {
			response.Resources = append(response.Resources, packed)
		}
	}
	return stream.Send(response)
}

func (c *controlPlane) pack(m proto.Message) *anypb.Any {
	packed, err := anypb.New(m)
	if err != nil {
		c.t.Error(err)
	}
	return packed
}

// resources are what makes a service of the addresses.
func (c *controlPlane) resources() []proto.Message {
	ads := &corev3.ConfigSource{ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}}}
	manager := &hcmv3.HttpConnectionManager{
		RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: &routev3.RouteConfiguration{
			Name: "routes",
			VirtualHosts: []*routev3.VirtualHost{{Name: "all", Domains: []string{"*"}, Routes: []*routev3.Route{{
				Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: ""}},
				Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "names"}}},
			}}}},
		}},
		HttpFilters: []*hcmv3.HttpFilter{{Name: "router", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: c.pack(&routerv3.Router{})}}},
	}
	locality := &endpointv3.LocalityLbEndpoints{Locality: &corev3.Locality{SubZone: "here"}, LoadBalancingWeight: wrapperspb.UInt32(1)}
	for _, address := range c.addresses {
		locality.LbEndpoints = append(locality.LbEndpoints, c.endpoint(address))
	}
	return []proto.Message{
		&listenerv3.Listener{Name: "names", ApiListener: &listenerv3.ApiListener{ApiListener: c.pack(manager)}},
		&clusterv3.Cluster{
			Name: "names", ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
			EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{EdsConfig: ads}, LbPolicy: clusterv3.Cluster_ROUND_ROBIN,
		},
		&endpointv3.ClusterLoadAssignment{ClusterName: "names", Endpoints: []*endpointv3.LocalityLbEndpoints{locality}},
	}
}

func (c *controlPlane) endpoint(address string) *endpointv3.LbEndpoint {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		c.t.Error(err)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		c.t.Error(err)
	}
	return &endpointv3.LbEndpoint{HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{
		Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address: host, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(port)},
		}}},
	}}}
}
