package httpapi

import (
	"context"
	"encoding/base64"
	"net/http"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/account"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

// UserPath is the user that a path names; exported so that huma looks into it.
type UserPath struct {
	ID string `path:"id" maxLength:"64"`
}

type listInput struct {
	Limit int    `query:"limit" default:"50" minimum:"1" maximum:"200"`
	Page  string `query:"page" maxLength:"512" doc:"next of the page before"`
	Q     string `query:"q" maxLength:"256" doc:"Only users with this in the name or the display name, in either case"`
}

type listOutput struct{ Body UserPage }

type createInput struct {
	Body struct {
		Name        string  `json:"name" minLength:"1" maxLength:"256"`
		DisplayName string  `json:"display_name,omitempty" maxLength:"800"`
		Password    string  `json:"password,omitempty" maxLength:"1024" doc:"At least 12 characters; left out: the user cannot sign in with one"`
		Grants      []Grant `json:"grants,omitempty" nullable:"false" maxItems:"64"`
	}
}

type createOutput struct {
	Location string `header:"Location"`
	Body     User
}

type patchInput struct {
	UserPath
	Body struct {
		DisplayName *string `json:"display_name,omitempty" maxLength:"800"`
		Disabled    *bool   `json:"disabled,omitempty" doc:"A disabled user's sessions end at once, his tokens within five minutes"`
	}
}

type grantsInput struct {
	UserPath
	Body struct {
		Grants []Grant `json:"grants" nullable:"false" maxItems:"64"`
	}
}

type passwordInput struct {
	UserPath
	Body struct {
		Password string `json:"password" minLength:"1" maxLength:"1024" doc:"At least 12 characters"`
	}
}

type ownPasswordInput struct {
	Origin
	Body struct {
		CurrentPassword string `json:"current_password" minLength:"1" maxLength:"1024"`
		NewPassword     string `json:"new_password" minLength:"1" maxLength:"1024" doc:"At least 12 characters"`
	}
}

func (h handlers) mountUsers(api *web.API) {
	admin := access.Has(access.Admin)
	create := operation("create-user", http.MethodPost, "/users", "Create a user")
	create.DefaultStatus = http.StatusCreated
	setPassword := operation("set-password", http.MethodPut, "/users/{id}/password", "Give a user a new password; his sessions end")
	setPassword.DefaultStatus = http.StatusNoContent

	endSessions := operation("end-sessions", http.MethodDelete, "/users/{id}/sessions", "End all sessions of a user")
	endSessions.Description = "On every device. User tokens that are out hold until they expire, five minutes at most."
	endSessions.DefaultStatus = http.StatusNoContent

	ownPassword := operation("change-own-password", http.MethodPut, "/me/password", "Change one's own password; all one's sessions end")
	ownPassword.DefaultStatus = http.StatusNoContent

	web.Register(api, operation("me", http.MethodGet, "/me", "The caller"), access.SignedIn(), h.me)
	web.Register(api, ownPassword, access.SignedIn(), h.setOwnPassword)
	web.Register(api, operation("list-users", http.MethodGet, "/users", "List users by name"), admin, h.list)
	web.Register(api, create, admin, h.create)
	web.Register(api, operation("get-user", http.MethodGet, "/users/{id}", "One user"), admin, h.get)
	web.Register(api, operation("change-user", http.MethodPatch, "/users/{id}", "Change display name, disable or enable"), admin, h.patch)
	web.Register(api, setPassword, admin, h.setPassword)
	web.Register(api, endSessions, admin, h.endSessions)
	web.Register(api, operation("set-grants", http.MethodPut, "/users/{id}/grants", "Replace a user's grants"), admin, h.setGrants)
}

// me reads the store, so that it shows what the next token will say.
func (h handlers) me(ctx context.Context, _ *struct{}) (*userOutput, error) {
	return toOutput(h.current(ctx))
}

// setOwnPassword asks for the current one, so that a token that was left lying about is not enough.
func (h handlers) setOwnPassword(ctx context.Context, in *ownPasswordInput) (*struct{}, error) {
	p, _ := access.From(ctx)
	if err := h.Sessions.Confirm(ctx, p.Name, in.Body.CurrentPassword, h.client(in.Origin)); err != nil {
		in.origin.sayWhen(err)
		return nil, err
	}
	return nil, h.Users.SetPassword(ctx, p, p.Subject, in.Body.NewPassword)
}

func (h handlers) list(ctx context.Context, in *listInput) (*listOutput, error) {
	if _, err := administrator(ctx); err != nil {
		return nil, err
	}
	after, err := base64.RawURLEncoding.DecodeString(in.Page)
	if err != nil {
		return nil, &problem.Error{Code: problem.Invalid, Detail: "the page is not one of ours",
			Fields: []problem.Field{{Name: "page", Detail: "must be next of the page before"}}}
	}
	users, err := h.Reader.Users(ctx, in.Q, string(after), in.Limit+1)
	if err != nil {
		return nil, err
	}
	return page(users, in.Limit), nil
}

func page(users []account.User, limit int) *listOutput {
	out := &listOutput{Body: UserPage{Items: []User{}}}
	if len(users) > limit {
		users = users[:limit]
		key, _ := account.NameKey(users[limit-1].Name)
		out.Body.Next = base64.RawURLEncoding.EncodeToString([]byte(key))
	}
	for _, u := range users {
		out.Body.Items = append(out.Body.Items, toUser(u))
	}
	return out
}

func (h handlers) create(ctx context.Context, in *createInput) (*createOutput, error) {
	actor, err := administrator(ctx)
	if err != nil {
		return nil, err
	}
	grants, err := fromGrants(in.Body.Grants)
	if err != nil {
		return nil, err
	}
	u, err := h.Users.Create(ctx, actor, account.NewUser{
		Name: in.Body.Name, DisplayName: in.Body.DisplayName, Password: in.Body.Password, Grants: grants,
	})
	if err != nil {
		return nil, err
	}
	return &createOutput{Location: base + "/users/" + u.ID, Body: toUser(u)}, nil
}

func (h handlers) get(ctx context.Context, in *UserPath) (*userOutput, error) {
	if _, err := administrator(ctx); err != nil {
		return nil, err
	}
	return toOutput(h.Reader.User(ctx, in.ID))
}

func (h handlers) patch(ctx context.Context, in *patchInput) (*userOutput, error) {
	actor, err := administrator(ctx)
	if err != nil {
		return nil, err
	}
	return toOutput(h.Users.Change(ctx, actor, in.ID, account.Patch{DisplayName: in.Body.DisplayName, Disabled: in.Body.Disabled}))
}

func (h handlers) setGrants(ctx context.Context, in *grantsInput) (*userOutput, error) {
	actor, err := administrator(ctx)
	if err != nil {
		return nil, err
	}
	grants, err := fromGrants(in.Body.Grants)
	if err != nil {
		return nil, err
	}
	return toOutput(h.Users.SetGrants(ctx, actor, in.ID, grants))
}

func (h handlers) setPassword(ctx context.Context, in *passwordInput) (*struct{}, error) {
	actor, err := administrator(ctx)
	if err != nil {
		return nil, err
	}
	return nil, h.Users.SetPassword(ctx, actor, in.ID, in.Body.Password)
}

func (h handlers) endSessions(ctx context.Context, in *UserPath) (*struct{}, error) {
	actor, err := administrator(ctx)
	if err != nil {
		return nil, err
	}
	return nil, h.Users.EndSessions(ctx, actor, in.ID)
}

func toOutput(u account.User, err error) (*userOutput, error) {
	if err != nil {
		return nil, err
	}
	return &userOutput{Body: toUser(u)}, nil
}
