package web

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh/hop"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// scheme is the name of the user token in the OpenAPI document.
const scheme = "userToken"

// serviceScheme is that of the service token; it is in the documents of services that have routes for one.
const serviceScheme = "serviceToken"

// Names of what every document holds, chosen not to meet a service's own types.
const (
	problemSchema = "Problem"
	fieldSchema   = "ProblemField"
	humaModel     = "HumaErrorModel"
	humaDetail    = "HumaErrorDetail"
)

func (a *API) humaConfig() huma.Config {
	registry := huma.NewMapRegistry("#/components/schemas/", schemaName)
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: a.settings.Title, Version: a.settings.Version},
			Components: &huma.Components{
				Schemas: registry,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					scheme: {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "User token, signed by identity"},
				},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{document},
	}
}

func schemaName(t reflect.Type, hint string) string {
	switch t {
	case reflect.TypeFor[problem.Document](), reflect.TypeFor[*problem.Document]():
		return problemSchema
	case reflect.TypeFor[problem.Field](), reflect.TypeFor[*problem.Field]():
		return fieldSchema
	case reflect.TypeFor[huma.ErrorModel](), reflect.TypeFor[*huma.ErrorModel]():
		return humaModel
	case reflect.TypeFor[huma.ErrorDetail](), reflect.TypeFor[*huma.ErrorDetail]():
		return humaDetail
	default:
		return huma.DefaultSchemaNamer(t, hint)
	}
}

// describe puts the rule, the limits and our problem document into the operation. huma would put its
// own error model there; it stays out because default and Errors are given.
func (a *API) describe(op *huma.Operation, rule access.Rule) {
	limit := op.MaxBodyBytes
	if limit == 0 {
		limit = a.settings.MaxBody
	}
	a.limits[op.Method+" "+op.Path] = limit
	op.MaxBodyBytes = -1    // whole read the body already, within its limit
	op.BodyReadTimeout = -1 // likewise
	op.Security = a.security(rule)
	if op.Extensions == nil {
		op.Extensions = map[string]any{}
	}
	op.Extensions["x-signalbox-access"] = rule.String()
	a.describeErrors(op)
}

// security is what a caller has to show, all of it at once.
func (a *API) security(rule access.Rule) []map[string][]string {
	all := map[string][]string{}
	if rule.NeedsToken() {
		all[scheme] = []string{}
	}
	if rule.NeedsService() {
		a.huma.OpenAPI().Components.SecuritySchemes[serviceScheme] = &huma.SecurityScheme{
			Type: "apiKey", In: "header", Name: hop.Token, Description: "Token of the calling service, signed by its own key; nobody outside has one",
		}
		all[serviceScheme] = []string{}
	}
	if len(all) == 0 {
		return []map[string][]string{}
	}
	return []map[string][]string{all}
}

func (a *API) describeErrors(op *huma.Operation) {
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	for _, status := range op.Errors {
		op.Responses[strconv.Itoa(status)] = a.problemResponse(http.StatusText(status))
	}
	op.Errors = nil
	op.Responses["default"] = a.problemResponse("Problem")
}

func (a *API) problemResponse(description string) *huma.Response {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[problem.Document](), true, "")
	return &huma.Response{
		Description: description,
		Content:     map[string]*huma.MediaType{problem.ContentType: {Schema: schema}},
	}
}

// OpenAPI is the document of the typed routes, as JSON. It is made once for the routes that are
// registered; the caller must not change it.
func (a *API) OpenAPI() ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.document != nil && a.documented == len(a.rules) {
		return a.document, nil
	}
	text, err := a.marshal()
	a.document, a.documented = text, len(a.rules)
	return text, err
}

func (a *API) marshal() ([]byte, error) {
	doc := a.huma.OpenAPI()
	schemas := doc.Components.Schemas.Map()
	delete(schemas, humaModel) // made by huma for every route, used by none
	delete(schemas, humaDetail)
	return json.Marshal(doc)
}

func (a *API) openAPI(w http.ResponseWriter, r *http.Request) {
	doc, err := a.OpenAPI()
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/openapi+json")
	_, _ = w.Write(doc)
}
