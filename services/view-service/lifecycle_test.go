package viewservice_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/lifecycletest"
	viewservice "github.com/signalbox-mesh/signalbox/services/view-service"
)

func TestLifecycle(t *testing.T) {
	m := newMesh(t)
	var n atomic.Int64
	lifecycletest.Run(t, lifecycletest.Suite{
		New: func(t *testing.T, ctx context.Context) lifecycletest.Service {
			t.Helper()
			v, err := viewservice.New(ctx, m.viewConfig(fmt.Sprint("view-service-", n.Add(1))), m.Settings("view-service"))
			if err != nil {
				t.Fatal(err)
			}
			m.Book.Add("view-service", v.PublicAddr(), v.PrivateAddr())
			return v
		},
		Failing: func(ctx context.Context) error {
			c := m.viewConfig("view-service-0")
			c.LogsURL = "mysql://host/db"
			_, err := viewservice.New(ctx, c, m.Settings("view-service"))
			return err
		},
	})
}
