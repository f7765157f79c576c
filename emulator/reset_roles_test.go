package emulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// rolesOfAllSorts are roles whose reset could differ by where it reads them from.
const rolesOfAllSorts = `
apiVersion: irsa-emu.dev/v1
kind: State
accounts:
  "111122223333":
    policies: [{name: p, document: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}}]
    users: [{name: u}]
    roles:
      - name: trusts-id
        trustPolicy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {AWS: [AROAAAAAAAAAAAAAAAAAA]}, Action: "sts:AssumeRole"}]}
      - name: known
        id: AROAAAAAAAAAAAAAAAAAA
        trustPolicy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {AWS: ["arn:aws:iam::111122223333:role/z-later", "arn:aws:iam::111122223333:user/u", "arn:aws:iam::111122223333:role/none"]}, Action: "sts:AssumeRole"}]}
      - name: z-later
        path: /a/
        description: ""
        maxSessionDuration: 7200
        tags: {b: c, a: b}
        attachedPolicies: ["arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::111122223333:policy/p"]
        permissionsBoundary: "arn:aws:iam::111122223333:policy/p"
        inlinePolicies: {i: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}}
        trustPolicy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {AWS: "111122223333"}, Action: "sts:AssumeRole"}]}
      - name: old
        created: 2020-01-02T03:04:05Z
        trustPolicy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {AWS: "arn:aws:iam::111122223333:role/trusts-id"}, Action: "sts:AssumeRole"}]}
    instanceProfiles: [{name: ip, role: z-later}]
`

// A reset gives the same roles whether they are many, which the state keeps, or
// few, and in a store that is kept, which has the document.
func TestResetIsTheSameOfManyRoles(t *testing.T) {
	const account = "111122223333"
	after := func(roles int, backend state.Backend, reset func(e *Emulator) error) (all []string) {
		given, err := statefile.Parse("given.yaml", []byte(rolesOfAllSorts), nil)
		if err != nil {
			t.Fatal(err)
		}
		a := given.Accounts[account]
		for i := range roles {
			a.Roles = append(a.Roles, statefile.Role{Name: fmt.Sprintf("filler-%d", i), TrustPolicy: statefile.NewDocument(benchTrust)})
		}
		given.Accounts[account] = a
		e, err := New(t.Context(), Config{Given: []statefile.State{given}, Backend: backend})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		if many := roles >= manyRoles && backend == nil; (e.documents.roles != nil) != many {
			t.Errorf("%d roles are kept in the state: %v", roles, !many)
		}
		for range 2 { // the second is of what the first has made
			if err := reset(e); err != nil {
				t.Fatal(err)
			}
			doc, err := e.documents.export()
			if err != nil {
				t.Fatal(err)
			}
			a := doc.Accounts[account]
			var sorts []statefile.Role
			for _, role := range a.Roles {
				if strings.HasPrefix(role.Name, "filler-") {
					continue
				}
				sorts = append(sorts, role)
				if role.Name == "known" && role.ID != "AROAAAAAAAAAAAAAAAAAA" || role.Name == "old" && role.Created.Year() != 2020 {
					t.Errorf("%s has the id %s and is of %s", role.Name, role.ID, role.Created)
				}
			}
			if len(sorts) != 4 || len(a.Roles) != 4+roles {
				t.Errorf("%d roles of all sorts and %d in all", len(sorts), len(a.Roles))
			}
			a.Roles = sorts
			text, err := json.Marshal(a)
			if err != nil {
				t.Fatal(err)
			}
			var v any
			if err := json.Unmarshal(text, &v); err != nil {
				t.Fatal(err)
			}
			all = append(all, stripped(v, []string{"id", "created", "updated"}))
		}
		return all
	}
	for name, reset := range map[string]func(e *Emulator) error{
		"of all":         func(e *Emulator) error { return e.Reset(t.Context()) },
		"of the account": func(e *Emulator) error { return e.ResetAccount(t.Context(), account) },
	} {
		t.Run(name, func(t *testing.T) {
			few := after(0, nil, reset)
			for where, got := range map[string][]string{
				"the state":  after(manyRoles, nil, reset),
				"a document": after(manyRoles, newCommon(0).replica(), reset),
			} {
				if !slices.Equal(got, few) {
					t.Errorf("roles of which many are kept in %s:\n got %s\nwant %s", where, got, few)
				}
			}
		})
	}
}
