// Command plain is the service of testdata/orders before the sidecar came, to measure what the sidecar adds.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: existing(log)}
	context.AfterFunc(ctx, func() { _ = server.Shutdown(context.Background()) })
	log.InfoContext(ctx, "service is starting", slog.Group("attrs", "public", ln.Addr().String()))
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func existing(log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		log.InfoContext(r.Context(), "order read", "order_id", r.PathValue("id"))
		fmt.Fprintf(w, "order %s\n", r.PathValue("id"))
	})
	return mux
}
