package rediscache_test

import (
	"context"
	"log"
	"net/http"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/cache/rediscache"
	"github.com/venta-hq/venta/gateway/redis"
)

// A Store that shares its responses and purges with those of other processes. What
// was opened first is closed last.
func Example() { //nolint:testableexamples // Redis is another process
	client, err := redis.Open(context.Background(), redis.Options{Addresses: []string{"localhost:6379"}})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	remote, err := rediscache.New(rediscache.Options{Client: client})
	if err != nil {
		log.Fatal(err)
	}
	defer remote.Close()
	store, err := cache.NewStore(cache.Options{Remote: remote})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	http.Handle("/cache/purge", store.PurgeHandler()) // on an address for operators
}
