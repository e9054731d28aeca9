//go:build !race

package telemetry_test

const ofRaceDetector = 0
