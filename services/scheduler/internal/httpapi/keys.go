package httpapi

import (
	"context"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
)

type keysOutput struct{ Body api.Keys }

func (h *API) keys(context.Context, *struct{}) (*keysOutput, error) {
	return &keysOutput{api.Keys{Items: append([]api.Key{}, h.Keys...)}}, nil
}
