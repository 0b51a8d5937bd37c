// Package telemetry makes the registry that /metrics serves, and the RED histograms that HTTP, gRPC
// and database share.
package telemetry

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// NewRegistry makes a registry of one sidecar: Go runtime, process, build info, and the process id by
// which boards count a process once that several sidecars share. service and instance are not among
// the labels; the scraper gives them.
func NewRegistry(version string) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		buildInfo(version),
		processInfo(),
	)
	return r
}

func buildInfo(version string) prometheus.Collector {
	return one("signalbox_build_info", "Version of the service and what it was built with, value 1",
		prometheus.Labels{"version": version, "revision": revision(), "goversion": runtime.Version()})
}

func processInfo() prometheus.Collector {
	return one("signalbox_process_info", "The process that this sidecar runs in, value 1",
		prometheus.Labels{"process_id": ProcessID()})
}

func one(name, help string, labels prometheus.Labels) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels},
		func() float64 { return 1 })
}

// ProcessID names the process on its network: host name (in a cluster: the pod) and pid.
func ProcessID() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return host + "/" + strconv.Itoa(os.Getpid())
}

func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return "unknown"
}

// Handler serves r as Prometheus text or OpenMetrics by Accept, with exemplars. A collector that
// fails costs its own metrics, not the scrape.
func Handler(r *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: 8,
	})
}

// Register registers c, or returns the equal collector that is there already, so that several parts
// of one sidecar share a metric. Anything else that stands against it is a wiring error and panics.
// On a nil Registerer c works and is not seen.
func Register[C prometheus.Collector](r prometheus.Registerer, c C) C {
	if r == nil {
		return c
	}
	err := r.Register(c)
	if err == nil {
		return c
	}
	var already prometheus.AlreadyRegisteredError
	if errors.As(err, &already) {
		if existing, ok := already.ExistingCollector.(C); ok {
			return existing
		}
	}
	panic(fmt.Errorf("register metric: %w", err))
}
