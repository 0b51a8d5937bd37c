package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

type tokenList struct {
	meshFlags
	output
	All  bool `help:"Those that have ended or were revoked, too."`
	Wide bool `help:"Show everything, however wide it is."`
}

func (tokenList) Help() string {
	return "The tokens themselves are kept nowhere; ID is what 'signalbox token revoke' takes.\n\nExamples:\n  signalbox token list\n  signalbox token list --all --json"
}

// knownSender is what identity keeps of a token.
type knownSender struct {
	ID        string     `json:"id"`
	Services  []string   `json:"services"`
	IssuedAt  time.Time  `json:"issued_at"`
	IssuedBy  string     `json:"issued_by"`
	ExpiresAt time.Time  `json:"expires_at"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
	RevokedBy string     `json:"revoked_by,omitempty"`
}

func (s knownSender) state(now time.Time) string {
	switch {
	case s.RevokedAt != nil:
		return "revoked " + moment(s.RevokedAt)
	case s.ExpiresAt.Before(now):
		return "ended"
	default:
		return "holds"
	}
}

// Run lists those that hold longest first.
func (c *tokenList) Run(ctx context.Context, p Process) error {
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	var answer struct {
		Items []knownSender `json:"items"`
	}
	if err := api.Do(ctx, http.MethodGet, senderTokensPath, nil, nil, &answer); err != nil {
		return err
	}
	shown := []knownSender{}
	for _, s := range answer.Items {
		if c.All || s.state(p.now()) == "holds" {
			shown = append(shown, s)
		}
	}
	if c.JSON {
		return printJSON(p.Stdout, shown)
	}
	t := newTable(p.Stdout, "ID", "SERVICES", "ISSUED", "ENDS", "STATE").fit(screenOf(p.Stdout, p.Environ), c.Wide)
	for _, s := range shown {
		t.row(s.ID, strings.Join(s.Services, ","), moment(&s.IssuedAt), moment(&s.ExpiresAt), s.state(p.now()))
	}
	return t.flush()
}

type tokenRevoke struct {
	meshFlags
	ID []string `arg:"" help:"Of 'signalbox token list'."`
}

func (tokenRevoke) Help() string {
	return "Receivers refuse the token within half a minute. It may be called again.\n\nExample:\n  signalbox token revoke 6nq2x3v7kq5w4b1m8c9z0r2t4y"
}

// Run revokes one after the other, and stops where one fails.
func (c *tokenRevoke) Run(ctx context.Context, p Process) error {
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	for _, id := range c.ID {
		if err := api.Do(ctx, http.MethodDelete, senderTokensPath+"/"+url.PathEscape(id), nil, nil, nil); err != nil {
			return fmt.Errorf("revoke %s: %w", printable(id), err)
		}
		if _, err := fmt.Fprintf(p.Stdout, "%s is revoked\n", printable(id)); err != nil {
			return err
		}
	}
	return nil
}
