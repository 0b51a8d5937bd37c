// Command orders is an existing net/http service that embeds the sidecar. It lives in a module of its own, as yours does.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(sidecar.ExitCode(err))
	}
}

func run(ctx context.Context) error {
	config, err := sidecar.FromEnv("orders", os.Environ())
	if err != nil {
		return err
	}
	s, err := sidecar.New(ctx, config, sidecar.Settings{Service: "orders"})
	if err != nil {
		return err
	}
	s.Mount("/", access.Public(), existing(s))
	return s.Run(ctx)
}

// existing is the handler that was there before the sidecar came.
func existing(s *sidecar.Sidecar) http.Handler {
	log := s.Logger("shop")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		log.InfoContext(r.Context(), "order read", "order_id", r.PathValue("id"))
		fmt.Fprintf(w, "order %s\n", r.PathValue("id"))
	})
	return mux
}
