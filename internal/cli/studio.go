package cli

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

const signInCodesPath = "/api/identity/v1/me/sign-in-codes"

type studioCommand struct {
	meshFlags
	output
}

func (studioCommand) Help() string {
	return `The link signs in as the user of the token, which is the administrator for a mesh that runs here. It is good once, for a minute;
the session ends with the token. The code in it stands behind the #, which browsers send to nobody. Users with a password sign in
with it on the same page.

Examples:
  signalbox studio
  xdg-open "$(signalbox studio)"`
}

// Run prints the link, and nothing beside it, so that a script can take it.
func (c *studioCommand) Run(ctx context.Context, p Process) error {
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	var got struct {
		Code      string    `json:"code"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	if err := api.Do(ctx, http.MethodPost, signInCodesPath, nil, nil, &got); err != nil {
		return err
	}
	link := api.URL() + "/studio/#code=" + got.Code
	if c.JSON {
		return printJSON(p.Stdout, map[string]any{"link": link, "expires_at": got.ExpiresAt})
	}
	_, err = fmt.Fprintln(p.Stdout, link)
	return err
}
