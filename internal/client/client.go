// Package client speaks to a mesh's API as the command line does: JSON over the gateway, with a user's token.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client of one mesh. Safe for concurrent use.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// maxAnswer bounds what is read of one answer.
const maxAnswer = 64 << 20

// New makes a client; base is the API's URL.
func New(base, token string) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return nil, fmt.Errorf("API address %q: want a URL like http://127.0.0.1:8080", base)
	}
	return &Client{base: strings.TrimRight(base, "/"), token: token, http: &http.Client{}}, nil
}

// Problem is an error that the API answered (RFC 9457).
type Problem struct {
	Status  int    `json:"status"`
	Title   string `json:"title"`
	Detail  string `json:"detail"`
	Code    string `json:"code"`
	TraceID string `json:"trace_id"`
	Errors  []struct {
		Name     string `json:"name"`
		Detail   string `json:"detail"`
		Position int    `json:"position"` // of the first wrong character, from 1; 0: it has none
		Shown    string `json:"shown"`    // the input with a caret under the place
	} `json:"errors"`
}

// Error is one sentence: what is wrong, each input that is and what would be right, and where to look further.
func (p *Problem) Error() string {
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	for i, e := range p.Errors {
		if e.Detail == "" || !strings.Contains(p.Detail, e.Detail) { // which may say it all
			text += []string{": ", "; "}[min(i, 1)] + strings.TrimPrefix(e.Name, "/") + ": " + e.Detail
		}
	}
	text += fmt.Sprintf(" (%d %s", p.Status, p.Code)
	if p.TraceID != "" {
		text += ", trace " + p.TraceID
	}
	return text + ")"
}

// Do sends in as JSON (nil: no body) and decodes the answer into out (nil: ignored), within 30 s.
func (c *Client) Do(ctx context.Context, method, path string, query url.Values, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	resp, err := c.send(ctx, method, path, query, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end, or given up
	if out == nil || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(out); err != nil {
		return fmt.Errorf("read the answer of %s: %w", path, err)
	}
	return nil
}

// Stream opens a server-sent event stream; the caller closes it.
func (c *Client) Stream(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	resp, err := c.send(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

func (c *Client) send(ctx context.Context, method, path string, query url.Values, in any) (*http.Response, error) {
	body, err := encode(in)
	if err != nil {
		return nil, err
	}
	target := c.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, fmt.Errorf("request %s: %w", path, err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("reach the mesh at %s: %w; is it running?", c.base, bare(err))
	}
	if resp.StatusCode >= 400 {
		return nil, problem(resp)
	}
	return resp, nil
}

// bare is an error without the URL, which has the whole question in it.
func bare(err error) error {
	var asked *url.Error
	if errors.As(err, &asked) {
		return asked.Err
	}
	return err
}

func encode(in any) (io.Reader, error) {
	if in == nil {
		return http.NoBody, nil
	}
	raw, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	return bytes.NewReader(raw), nil
}

func problem(resp *http.Response) error {
	defer resp.Body.Close() //nolint:errcheck // an error is being reported already
	p := &Problem{}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(p); err != nil || p.Status == 0 {
		return fmt.Errorf("the mesh answered %s", resp.Status)
	}
	return p
}
