// Package hello is the smallest whole service: one route, one timed event, its settings. docs/adding-a-service.md
// walks through it.
package hello

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

// Config is what an operator sets: SIGNALBOX_HELLO_GREETING, and all that a sidecar has.
type Config struct {
	sidecar.Config
	Greeting string `env:"GREETING" envDefault:"Hello" desc:"the word before the name"`
}

// Service is hello with its sidecar: Run and Stop are the sidecar's.
type Service struct {
	*sidecar.Sidecar
	greeting string
	log      *slog.Logger
}

// New wires hello and binds its listeners.
func New(ctx context.Context, c Config, set sidecar.Settings) (*Service, error) {
	set.Service = "hello"
	sc, err := sidecar.New(ctx, c.Config, set)
	if err != nil {
		return nil, err
	}
	s := &Service{Sidecar: sc, greeting: c.Greeting, log: sc.Logger("greeter")}
	web.Register(sc.API(), web.Operation{
		OperationID: "greet", Method: http.MethodGet, Path: "/api/hello/v1/greetings/{name}", Summary: "Greet somebody",
	}, access.Public(), s.greet)
	if err := sc.Timed(timed.Schedule{Name: "hello.tick", Every: time.Minute}, s.tick); err != nil {
		_ = sc.Stop(ctx)
		return nil, err
	}
	return s, nil
}

type greetInput struct {
	Name string `path:"name" maxLength:"100" doc:"who is greeted"`
}

type greetOutput struct {
	Body struct {
		Text string `json:"text"`
	}
}

func (s *Service) greet(ctx context.Context, in *greetInput) (*greetOutput, error) {
	s.log.DebugContext(ctx, "greeting", slog.String("name", in.Name))
	var out greetOutput
	out.Body.Text = fmt.Sprintf("%s, %s!", s.greeting, in.Name)
	return &out, nil
}

func (s *Service) tick(ctx context.Context, _ pg.Tx, f timed.Fire) error {
	s.log.InfoContext(ctx, "a minute has passed", slog.Time("due", f.Due))
	return nil
}
