package httpapi

import (
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/account"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

// Grant is a role with its scope.
type Grant struct {
	Role     string   `json:"role" enum:"viewer,operator,admin,builder" doc:"What the user may do"`
	Services []string `json:"services,omitempty" nullable:"false" maxItems:"32" doc:"For which services; left out: for all"`
}

// User as the API shows it.
type User struct {
	ID          string    `json:"id" format:"uuid"`
	Name        string    `json:"name" doc:"For signing in"`
	DisplayName string    `json:"display_name"`
	Disabled    bool      `json:"disabled"`
	HasPassword bool      `json:"has_password" doc:"Whether the user can sign in with a password"`
	Grants      []Grant   `json:"grants" nullable:"false"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// UserPage is one page of a list.
type UserPage struct {
	Items []User `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"Pass as page to get the next page; left out on the last one"`
}

// Tokens are what signing in gives.
type Tokens struct {
	AccessToken  string `json:"access_token" doc:"User token (JWT), for Authorization: Bearer"`
	TokenType    string `json:"token_type" enum:"Bearer"`
	ExpiresIn    int64  `json:"expires_in" doc:"Seconds that access_token holds"`
	RefreshToken string `json:"refresh_token,omitempty" doc:"Good once, for the next pair; a second use ends the session. Left out where it went into a cookie"`
}

type tokensOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         Tokens
}

type userOutput struct{ Body User }

// origin is where a request came from, and the way to a header of its answer.
type origin struct {
	remote    string
	forwarded []string
	browser   browser
	setHeader func(name, value string)
}

// Origin is embedded into inputs that want to know.
type Origin struct{ origin origin }

// Resolve implements huma.Resolver.
func (o *Origin) Resolve(ctx huma.Context) []error {
	o.origin = origin{remote: ctx.RemoteAddr(), browser: browserOf(ctx), setHeader: ctx.SetHeader}
	ctx.EachHeader(func(name, value string) {
		if name == "X-Forwarded-For" {
			o.origin.forwarded = append(o.origin.forwarded, value)
		}
	})
	return nil
}

func toUser(u account.User) User {
	return User{
		ID: u.ID, Name: u.Name, DisplayName: u.DisplayName, Disabled: u.Disabled, HasPassword: u.HasPassword,
		Grants: toGrants(u.Grants), CreatedAt: u.CreatedAt.UTC(), UpdatedAt: u.UpdatedAt.UTC(),
	}
}

func toGrants(grants []access.Grant) []Grant {
	out := make([]Grant, len(grants))
	for i, g := range grants {
		out[i] = Grant{Role: string(g.Role), Services: g.Services}
	}
	return out
}

// fromGrants keeps an empty list of services from meaning all of them: it is refused by the schema's
// reader here, because a client that computed an empty scope must not get everything.
func fromGrants(grants []Grant) ([]access.Grant, error) {
	out := make([]access.Grant, len(grants))
	for i, g := range grants {
		if g.Services != nil && len(g.Services) == 0 {
			return nil, emptyScope(i)
		}
		out[i] = access.Grant{Role: access.Role(g.Role), Services: g.Services}
	}
	return out, nil
}
