package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// Apply merges the IAM entities of a state document into an account. Each
// entity passes the checks of the API action that would make it, and replaces
// the one of its name: what the document leaves out of an entity takes its
// default, entities that it does not name stay. The same content again changes
// nothing. Errors name the entity and its document's place.
//
// Unlike the API it takes trust policies whose principals do not exist yet:
// they are tied to the role or user that gets the name.
func Apply(tx *state.Txn, account string, in statefile.Account, now time.Time, rand io.Reader) error {
	if in.Partition != "" {
		if err := setPartition(tx, account, in.Partition); err != nil {
			return fmt.Errorf("account %s: %w", account, err)
		}
	}
	a := &applier{
		maker:    maker{tx: tx, account: account, partition: storedPartition(tx, account), now: now.UTC().Truncate(time.Millisecond), rand: rand, lenient: true},
		attached: map[string][]string{},
	}
	for _, p := range in.OIDCProviders {
		if err := a.provider(p); err != nil {
			return mistake(p.Written, account, "oidcProviders", p.URL, err)
		}
	}
	for _, p := range in.Policies {
		if err := a.policy(p); err != nil {
			return mistake(p.Written, account, "policies", p.Name, err)
		}
	}
	for _, r := range in.Roles {
		if err := a.role(r); err != nil {
			return mistake(written(&r, err), account, "roles", r.Name, err)
		}
	}
	for _, g := range in.Groups {
		if err := a.group(g); err != nil {
			return mistake(g.Written, account, "groups", g.Name, err)
		}
	}
	for _, u := range in.Users {
		if err := a.user(u); err != nil {
			return mistake(u.Written, account, "users", u.Name, err)
		}
	}
	for _, p := range in.InstanceProfiles {
		if err := a.instanceProfile(p); err != nil {
			return mistake(p.Written, account, "instanceProfiles", p.Name, err)
		}
	}
	if o := in.Organization; o != nil {
		tx.Put(&Organization{Account: account, ID: o.ID, Path: o.Path})
	}
	if o := in.OutboundFederation; o != nil {
		tx.Put(a.outbound(o.Issuer, o.Enabled))
	}
	return nil
}

type applier struct {
	maker
	// attached are the lists of policies that roles have in common, by their ARNs.
	attached map[string][]string
}

// shared is a list that equals the one given, in memory once.
func (a *applier) shared(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	arns := strings.Join(list, " ")
	if _, known := a.attached[arns]; !known {
		a.attached[arns] = slices.Clip(list)
	}
	return a.attached[arns]
}

// form is the API request that would make an entity.
type form struct{ url.Values }

func newForm(pairs ...string) form {
	f := form{url.Values{}}
	for i := 0; i < len(pairs); i += 2 {
		f.set(pairs[i], pairs[i+1])
	}
	return f
}

// set leaves out what the document leaves out.
func (f form) set(name, value string) {
	if value != "" {
		f.Set(name, value)
	}
}

func (f form) list(name string, values []string) {
	for i, v := range values {
		f.Set(fmt.Sprintf("%s.member.%d", name, i+1), v)
	}
}

func (f form) tags(tags map[string]string) {
	for i, key := range slices.Sorted(maps.Keys(tags)) {
		f.Set(fmt.Sprintf("Tags.member.%d.Key", i+1), key)
		f.Set(fmt.Sprintf("Tags.member.%d.Value", i+1), tags[key])
	}
}

func (f form) decode(into any) error { return decodeInput(f.Values, into) }

func (a *applier) provider(in statefile.OIDCProvider) error {
	f := newForm("Url", in.URL)
	f.list("ClientIDList", in.ClientIDs)
	f.list("ThumbprintList", in.Thumbprints)
	f.tags(in.Tags)
	var input createProviderInput
	if err := f.decode(&input); err != nil {
		return err
	}
	p, err := a.maker.provider(&input)
	if err != nil {
		return err
	}
	old, exists := state.Get[*OIDCProvider](a.tx, p.StateKey())
	if exists {
		p.Created = old.Created
	}
	p.Created = given(in.Created, p.Created)
	a.put(p, old, exists)
	return nil
}

func (a *applier) role(in statefile.Role) error {
	f := newForm("RoleName", in.Name, "Path", in.Path, "AssumeRolePolicyDocument", in.TrustPolicy.Text(),
		"PermissionsBoundary", in.PermissionsBoundary)
	if in.Description != nil {
		f.Set("Description", *in.Description)
	}
	if in.MaxSessionDuration != 0 {
		f.Set("MaxSessionDuration", strconv.Itoa(in.MaxSessionDuration))
	}
	f.tags(in.Tags)
	var input createRoleInput
	if err := f.decode(&input); err != nil {
		return err
	}
	a.validTrust = ""
	if in.TrustPolicy.ValidTrust() {
		a.validTrust = in.TrustPolicy.Text()
	}
	role, err := a.maker.role(&input)
	var document *policy.ValidationError
	if errors.As(err, &document) {
		return fmt.Errorf("trustPolicy: %w", at(in.TrustPolicy, err))
	}
	if err != nil {
		return err
	}
	limits := roleLimits.in(role.Account, role.Partition)
	limits.service = strings.HasPrefix(role.Path, serviceRolePath)
	if err := a.permissions(&role.Permissions, in.InlinePolicies, in.AttachedPolicies, limits, role.Name); err != nil {
		return err
	}
	old, exists := state.Get[*Role](a.tx, role.StateKey())
	if exists {
		role.ID, role.Created = old.ID, old.Created
	}
	role.Created = given(in.Created, role.Created)
	if role.ID, err = givenID(in.ID, role.ID, roleID); err != nil {
		return err
	}
	role.Attached = a.shared(role.Attached)
	role.pack()
	if !a.put(role, old, exists) {
		return nil
	}
	if exists {
		return a.succeed(TrustPrincipal{old.ARN(), old.ID}, TrustPrincipal{role.ARN(), role.ID})
	}
	return bindPrincipal(a.tx, TrustPrincipal{role.ARN(), role.ID})
}

// succeed keeps the trust in a principal that the document moved or replaced right.
func (a *applier) succeed(old, now TrustPrincipal) error {
	switch {
	case old == now:
		return nil
	case old.ID == now.ID:
		return renamePrincipal(a.tx, old, now.ARN)
	}
	return forgetPrincipal(a.tx, old)
}

func (a *applier) permissions(p *Permissions, inline map[string]statefile.Document, attached []string, l limits, holder string) error {
	for _, name := range slices.Sorted(maps.Keys(inline)) {
		var input putInlineInput
		if err := newForm("PolicyName", name, "PolicyDocument", inline[name].Text()).decode(&input); err != nil {
			return fmt.Errorf("inlinePolicies: %s: %w", name, at(inline[name], err))
		}
		if err := a.inline(p, name, inline[name], l, holder); err != nil {
			return fmt.Errorf("inlinePolicies: %s: %w", name, at(inline[name], err))
		}
	}
	for _, arn := range attached {
		if err := p.attach(a.tx, arn, l); err != nil {
			return fmt.Errorf("attachedPolicies: %w", err)
		}
	}
	return nil
}

// inline adds an inline policy. One that was validated with its document is not
// again, where the partition asks for nothing more.
func (a *applier) inline(p *Permissions, name string, in statefile.Document, l limits, holder string) error {
	if in.ValidInline() && l.partition == "" {
		return p.addInline(name, DocumentOf(in.Text()), l, holder)
	}
	return p.putInline(name, in.Text(), l, holder)
}

func (a *applier) group(in statefile.Group) error {
	var input createGroupInput
	if err := newForm("GroupName", in.Name, "Path", in.Path).decode(&input); err != nil {
		return err
	}
	g, err := a.maker.group(&input)
	if err != nil {
		return err
	}
	if err := a.permissions(&g.Permissions, in.InlinePolicies, in.AttachedPolicies, groupLimits.in(g.Account, g.Partition), g.Name); err != nil {
		return err
	}
	old, exists := state.Get[*Group](a.tx, g.StateKey())
	if exists {
		g.ID, g.Created = old.ID, old.Created
	}
	g.Created = given(in.Created, g.Created)
	if g.ID, err = givenID(in.ID, g.ID, groupID); err != nil {
		return err
	}
	a.put(g, old, exists)
	return nil
}

func (a *applier) user(in statefile.User) error {
	f := newForm("UserName", in.Name, "Path", in.Path, "PermissionsBoundary", in.PermissionsBoundary)
	f.tags(in.Tags)
	var input createUserInput
	if err := f.decode(&input); err != nil {
		return err
	}
	u, err := a.maker.user(&input)
	if err != nil {
		return err
	}
	if err := a.permissions(&u.Permissions, in.InlinePolicies, in.AttachedPolicies, userLimits.in(u.Account, u.Partition), u.Name); err != nil {
		return err
	}
	for _, name := range in.Groups {
		g, ok := state.Get[*Group](a.tx, nameKey(a.account, name))
		if !ok {
			return noGroup(name)
		}
		if !u.inGroup(g.Name) {
			u.Groups = append(u.Groups, g.Name)
		}
	}
	if len(u.Groups) > maxGroupsPerUser {
		return quotaExceeded("GroupsPerUser", maxGroupsPerUser)
	}
	old, exists := state.Get[*User](a.tx, u.StateKey())
	if exists {
		u.ID, u.Created = old.ID, old.Created
	}
	u.Created = given(in.Created, u.Created)
	if u.ID, err = givenID(in.ID, u.ID, userID); err != nil {
		return err
	}
	if a.put(u, old, exists) {
		if exists {
			err = a.succeed(TrustPrincipal{old.ARN(), old.ID}, TrustPrincipal{u.ARN(), u.ID})
		} else {
			err = bindPrincipal(a.tx, TrustPrincipal{u.ARN(), u.ID})
		}
		if err != nil {
			return err
		}
	}
	for _, key := range in.AccessKeys {
		if err := a.accessKey(u, key); err != nil {
			return fmt.Errorf("accessKeys: %s: %w", key.ID, err)
		}
	}
	return nil
}

func (a *applier) accessKey(u *User, in statefile.AccessKey) error {
	var input lastUsedInput
	if err := newForm("AccessKeyId", in.ID).decode(&input); err != nil {
		return err
	}
	if in.Secret == "" {
		return invalidInput("an access key needs a secret")
	}
	k := &AccessKey{Account: a.account, UserID: u.ID, ID: in.ID, Secret: in.Secret, Inactive: in.Inactive, Created: a.now}
	old, exists := state.Get[*AccessKey](a.tx, in.ID)
	if exists && old.UserID != u.ID {
		return alreadyExists("the access key belongs to another user")
	}
	if exists {
		k.Created = old.Created
	}
	k.Created = given(in.Created, k.Created)
	a.put(k, old, exists)
	return nil
}

func (a *applier) instanceProfile(in statefile.InstanceProfile) error {
	f := newForm("InstanceProfileName", in.Name, "Path", in.Path)
	f.tags(in.Tags)
	var input createInstanceProfileInput
	if err := f.decode(&input); err != nil {
		return err
	}
	p, err := a.maker.instanceProfile(&input)
	if err != nil {
		return err
	}
	if in.Role != "" {
		role, ok := RoleByName(a.tx, a.account, in.Role)
		if !ok {
			return noRole(in.Role)
		}
		p.Role = role.Name
	}
	old, exists := state.Get[*InstanceProfile](a.tx, p.StateKey())
	if exists {
		p.ID, p.Created = old.ID, old.Created
	}
	p.Created = given(in.Created, p.Created)
	if p.ID, err = givenID(in.ID, p.ID, profileID); err != nil {
		return err
	}
	a.put(p, old, exists)
	return nil
}

// put stores an entity unless it is the same as the old one, and tells whether it did.
func (a *applier) put(e, old state.Entity, exists bool) bool {
	if exists && same(e, old) {
		return false
	}
	a.tx.Put(e)
	return true
}

// same compares what is stored of two entities.
func same(a, b state.Entity) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// given is the document's time, or else the one that the entity has.
func given(document, entity time.Time) time.Time {
	if document.IsZero() {
		return entity
	}
	return document.UTC()
}

// givenID is the document's id, or else the one that the entity has.
func givenID(document, entity, prefix string) (string, error) {
	if document == "" {
		return entity, nil
	}
	if len(document) < 16 || len(document) > 128 || !strings.HasPrefix(document, prefix) ||
		strings.Trim(document, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		return "", invalidInput("id %q: write %s and 17 capital letters and digits, or leave it out", document, prefix)
	}
	return document, nil
}

// mistake is an error in an entity of an account, with the entity's place.
func mistake(w statefile.Written, account, list, name string, err error) error {
	return w.Locate(fmt.Errorf("account %s: %s: %s: %w", account, list, name, err))
}

// written is where a role was written that an error is about, or its trust policy: of
// a role that is made of something else than a State document nothing else may have
// a place. What is wrong in a policy has the policy's place.
func written(r *statefile.Role, err error) statefile.Written {
	var document *policy.ValidationError
	if r.Written == (statefile.Written{}) && !errors.As(err, &document) {
		return r.TrustPolicy.Written()
	}
	return r.Written
}

// at says where a document was written, and how what is wrong with it is mended.
func at(d statefile.Document, err error) error {
	var document *policy.ValidationError
	if errors.As(err, &document) && document.Hint.String() != "" {
		err = fmt.Errorf("%w; %s", err, document.Hint)
	}
	return d.Written().Locate(err)
}
