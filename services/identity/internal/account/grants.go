package account

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// Bounds of a user's grants: they travel in every token.
const maxServices = 32

func roles() []access.Role {
	return []access.Role{access.Viewer, access.Operator, access.Admin, access.Builder}
}

// Normal checks grants and puts them into their one form: a role once, sorted, its services sorted;
// no services means all of them, which takes in any narrower grant of the same role.
func Normal(grants []access.Grant) ([]access.Grant, error) {
	scopes := map[access.Role][]string{}
	everywhere := map[access.Role]bool{}
	for i, g := range grants {
		if err := checkGrant(i, g); err != nil {
			return nil, err
		}
		everywhere[g.Role] = everywhere[g.Role] || len(g.Services) == 0
		scopes[g.Role] = append(scopes[g.Role], g.Services...)
	}
	normal := []access.Grant{}
	for role, services := range scopes {
		slices.Sort(services)
		services = slices.Compact(services)
		if everywhere[role] {
			services = nil
		}
		if len(services) > maxServices {
			return nil, badGrant("/grants", "must name at most 32 services for a role; leave services out for all")
		}
		normal = append(normal, access.Grant{Role: role, Services: services})
	}
	slices.SortFunc(normal, func(a, b access.Grant) int { return strings.Compare(string(a.Role), string(b.Role)) })
	return normal, nil
}

func checkGrant(i int, g access.Grant) error {
	if !slices.Contains(roles(), g.Role) {
		return badGrant(fmt.Sprintf("/grants/%d/role", i), "must be viewer, operator, admin or builder")
	}
	valid := regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
	for _, s := range g.Services {
		if !valid.MatchString(s) {
			return badGrant(fmt.Sprintf("/grants/%d/services", i), "must be names of services, such as catalogs")
		}
	}
	return nil
}

// Covers reports whether the holder could do all that the grants allow. Nobody gives, or gets a hold
// of, more than he has.
func Covers(holder access.Principal, grants []access.Grant) bool {
	return !slices.ContainsFunc(grants, func(g access.Grant) bool { return !holds(holder, g) })
}

func holds(holder access.Principal, g access.Grant) bool {
	services, all := holder.Scope(g.Role)
	if all {
		return true
	}
	return len(g.Services) > 0 && !slices.ContainsFunc(g.Services, func(s string) bool { return !slices.Contains(services, s) })
}

func badGrant(field, detail string) error {
	return &problem.Error{Code: problem.Invalid, Detail: "the grants are not acceptable",
		Fields: []problem.Field{{Name: field, Detail: detail}}}
}
