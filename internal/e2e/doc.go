// Package e2e proves the whole: its tests build the signalbox binary, run it as people do, and look at what they
// would see. Nothing here is imported by anybody.
package e2e
