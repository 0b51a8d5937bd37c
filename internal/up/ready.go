package up

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox-mesh/signalbox/internal/client"
	identityv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/identity/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/health"
)

// awaitReady waits until every instance answers /hc with 200; within readyLimit, else the error names who is not and why.
func (m *meshup) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyLimit, errSlow)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	for _, one := range m.runtime.instances() {
		g.Go(func() error {
			return m.progress.step(ctx, one.Service, func() (string, error) { return m.awaitOne(ctx, one) })
		})
	}
	return g.Wait()
}

var errSlow = errors.New("not ready in time")

func (m *meshup) awaitOne(ctx context.Context, one Instance) (string, error) {
	var last error
	for {
		if last = probe(ctx, one.Address); last == nil {
			return one.Instance + "  http://" + one.Address, nil
		}
		select {
		case err := <-m.runtime.failed():
			return "", err
		case <-ctx.Done():
			return "", fmt.Errorf("%s is not ready: %w", one.Instance, last)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// probe asks /hc once; the error is the failing checks in words.
func probe(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/hc", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing was written
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	var report health.Report
	if err := json.NewDecoder(resp.Body).Decode(&report); err != nil {
		return fmt.Errorf("/hc answers %s", resp.Status)
	}
	return errors.New(failing(report))
}

func failing(r health.Report) string {
	var words []string
	for _, c := range r.Checks {
		if c.Status != health.Up {
			words = append(words, strings.TrimSpace(c.Name+" "+string(c.Status)+" "+c.Error))
		}
	}
	return string(r.Status) + ": " + strings.Join(words, "; ")
}

// awaitFleet writes the admin's token, and waits until every instance has reported to the fleet: from then on a change
// of level reaches all of them, and ps shows them.
func (m *meshup) awaitFleet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	token, err := m.writeToken(ctx)
	if err != nil {
		return err
	}
	api, err := client.New("http://"+m.apiAddr, token)
	if err != nil {
		return err
	}
	for {
		missing, err := m.unheard(ctx, api)
		if err == nil && len(missing) == 0 {
			return nil
		}
		select {
		case err := <-m.runtime.failed():
			return err
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("the fleet has not heard of %v", missing), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// writeToken gets the admin's token and keeps it in STATE/token.
func (m *meshup) writeToken(ctx context.Context) (string, error) {
	token, err := m.adminToken(ctx)
	if err != nil {
		return "", fmt.Errorf("admin token: %w", err)
	}
	return token, m.state.write("token", []byte(token+"\n"))
}

// unheard lists the instances of this run that have not reported yet; those of the run before do not count.
func (m *meshup) unheard(ctx context.Context, api *client.Client) ([]string, error) {
	var fleet struct {
		Instances []struct {
			Instance, State string
			PID             int
		}
	}
	if err := api.Do(ctx, http.MethodGet, "/api/maintenance/v1/instances", nil, nil, &fleet); err != nil {
		return nil, err
	}
	heard := map[string]int{}
	for _, i := range fleet.Instances {
		if i.State == "live" {
			heard[i.Instance] = i.PID
		}
	}
	var missing []string
	for _, one := range m.runtime.instances() {
		if heard[one.Instance] != one.PID {
			missing = append(missing, one.Instance)
		}
	}
	return missing, nil
}

// adminToken asks identity for the admin's token, as the one who starts the mesh.
func (m *meshup) adminToken(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	conn, err := m.shippers.meshOf(operator).RPC("identity")
	if err != nil {
		return "", err
	}
	answer, err := identityv1.NewIdentityServiceClient(conn).IssueAdminToken(ctx, &identityv1.IssueAdminTokenRequest{})
	if err != nil {
		return "", err
	}
	return answer.GetToken(), nil
}
