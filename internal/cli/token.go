package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	senderTokensPath = "/api/identity/v1/sender-tokens"
	otlpLogsPath     = "/api/maintenance/v1/otlp/v1/logs"
)

type tokenCommand struct {
	Logs   tokenLogs   `cmd:"" help:"Get a token with which a program that is no service of the mesh sends its log records (OTLP)."`
	List   tokenList   `cmd:"" help:"List the tokens for senders of log records that were given."`
	Revoke tokenRevoke `cmd:"" help:"Take such tokens back."`
}

type tokenLogs struct {
	meshFlags
	output
	Service []string `required:"" help:"The service.name that its records may have; several, or '*' for any." placeholder:"NAME"`
	TTL     duration `name:"ttl" default:"90d" help:"How long it holds: 12h, 20d, 8w." placeholder:"TIME"`
	Env     bool     `help:"Print the variables that an OpenTelemetry SDK reads, instead of the token alone."`
}

func (tokenLogs) Help() string {
	return "Examples:\n  signalbox token logs --service shop --ttl 30d\n  eval \"$(signalbox token logs --service shop --env)\" && ./shop"
}

// senderToken is what identity answers.
type senderToken struct {
	ID        string    `json:"id"`
	Token     string    `json:"token"`
	Services  []string  `json:"services"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Run prints the token, and nothing beside it, so that a script can take it.
func (c *tokenLogs) Run(ctx context.Context, p Process) error {
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	var got senderToken
	ask := map[string]any{"services": c.Service, "ttl": c.TTL.String()}
	if err := api.Do(ctx, http.MethodPost, senderTokensPath, nil, ask, &got); err != nil {
		return err
	}
	switch {
	case c.JSON:
		return printJSON(p.Stdout, got)
	case c.Env:
		return c.variables(p, api.URL(), got)
	}
	_, err = fmt.Fprintln(p.Stdout, got.Token)
	return err
}

// variables are OpenTelemetry's own, for the shell. The SDK asks for a name once; a token of several leaves it to the program.
func (c *tokenLogs) variables(p Process, api string, got senderToken) error {
	text := fmt.Sprintf("export OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=%s%s\nexport OTEL_EXPORTER_OTLP_LOGS_PROTOCOL=http/protobuf\nexport OTEL_EXPORTER_OTLP_LOGS_HEADERS='authorization=%s'\n",
		api, otlpLogsPath, url.PathEscape("Bearer "+got.Token))
	if len(got.Services) == 1 && got.Services[0] != "*" {
		text += "export OTEL_SERVICE_NAME='" + shellQuoted(got.Services[0]) + "'\n"
	}
	_, err := fmt.Fprint(p.Stdout, text)
	return err
}

// shellQuoted is s as it stands between single quotes.
func shellQuoted(s string) string { return strings.ReplaceAll(s, "'", `'\''`) }
