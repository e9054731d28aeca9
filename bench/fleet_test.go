package main

import "testing"

func TestCoreCounts(t *testing.T) {
	for n, want := range map[int]string{1: "1", 2: "1,2", 3: "1,2,3", 4: "1,2,4", 12: "1,2,4,8,12"} {
		if got := coreCounts(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestRedisVersion(t *testing.T) {
	for line, want := range map[string]string{
		"Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=0": "Redis 7.0.15",
		"": "Redis of an unknown version",
	} {
		if got := redisVersion(line); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}
