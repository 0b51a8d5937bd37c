// Package saboteurs proves that the tests of the promises can fail: each saboteur breaks one promise in a copy of a source file
// (go build's overlay; nothing in the tree is touched), and the promise's own test has to go red within three runs (FAULTS H-5).
//
// Every `go test` holds that each saboteur still finds the code it breaks; `make soak PART=saboteurs` runs them all.
package saboteurs
