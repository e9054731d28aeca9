//go:build race

package telemetry_test

// ofRaceDetector is what the race detector's code moves to the heap.
const ofRaceDetector = 2
