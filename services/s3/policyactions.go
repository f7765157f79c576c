package s3

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/irsa-emu/irsa-emu/policy"
)

// actions.json has all actions of S3, what they apply to and which condition keys
// they have (service authorization reference); iam/maketables makes it.
//
//go:embed actions.json
var actionsJSON []byte

// policyAction is what policies can say of an action.
type policyAction struct {
	on   scope // onService: no bucket policy is about it
	keys map[string]bool
}

// policyActions are the actions by their names in small letters, with s3:.
var policyActions = sync.OnceValue(func() map[string]*policyAction {
	var table struct {
		Common  []string
		Actions map[string]struct {
			On   string
			Keys []string
		}
	}
	if err := json.Unmarshal(actionsJSON, &table); err != nil {
		panic("s3: actions.json: " + err.Error())
	}
	all := make(map[string]*policyAction, len(table.Actions))
	for name, a := range table.Actions {
		action := &policyAction{on: map[string]scope{"object": onObject, "bucket": onBucket}[a.On], keys: map[string]bool{}}
		for _, key := range slices.Concat(table.Common, a.Keys) {
			action.keys["s3:"+strings.ToLower(key)] = true
		}
		all["s3:"+strings.ToLower(name)] = action
	}
	// The reference has it for buckets, and bucket policies do not take it
	// (scality/cloudserver#2124): the bucket is not there yet.
	all["s3:createbucket"].on = onService
	return all
})

// keysOfAll are how the keys begin that say through what a request came, or that
// are about the bucket: every action has them, whatever the reference lists.
var keysOfAll = []string{"s3:accesspoint", "s3:dataaccesspoint", "s3:accessgrants", "s3:buckettag/"}

// asks says whether the action has a condition key, in small letters.
func (a *policyAction) asks(key string) bool {
	family, _, member := strings.Cut(key, "/")
	return a.keys[key] || member && a.keys[family+"/"] || slices.ContainsFunc(keysOfAll, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

// asksAbout is asks of an action by its name, with s3:; what is not known asks about everything.
func asksAbout(action, key string) bool {
	a, ok := policyActions()[strings.ToLower(action)]
	return !ok || a.asks(key)
}

// isPolicyKey says whether any action has a condition key, in small letters.
func isPolicyKey(key string) bool {
	for _, a := range policyActions() {
		if a.asks(key) {
			return true
		}
	}
	return false
}

// checkActions says what S3 has against the actions of a statement that is about
// some of its resources: an action that there is not, or one that applies to none
// of them (versity/versitygw#650 and #645, aws-amplify/docs#7799), or that has not
// the condition keys of the statement: each must have all, and of a wildcard one
// action (recorded 10). "" is nothing.
func (b *Bucket) checkActions(st *policy.Statement) (message, reason string) {
	var bucket, object bool
	for _, resource := range st.Resources.Values {
		bucket = bucket || policy.Like(resource, b.ARN())
		object = object || strings.HasPrefix(resource, b.ARN()+"/") || strings.Contains(resource, "*")
	}
	applies := func(a *policyAction) bool {
		return a.on == onBucket && bucket || a.on == onObject && object || st.Resources.Not && a.on != onService
	}
	for _, action := range st.Actions.Values {
		known, like := false, policy.Liker(strings.ToLower(action))
		var fits []*policyAction
		for name, a := range policyActions() {
			if like(name) {
				known = true
				if applies(a) {
					fits = append(fits, a)
				}
			}
		}
		switch {
		case !known:
			return "Policy has invalid action", fmt.Sprintf("S3 has no action %s", action)
		case len(fits) == 0 && !st.Actions.Not:
			kind := "buckets"
			if a := policyActions()[strings.ToLower(action)]; a != nil && a.on == onObject {
				kind = "objects"
			}
			return "Action does not apply to any resource(s) in statement",
				fmt.Sprintf("%s is about %s, and the statement's resources are %s: a bucket is %s, its objects are %[4]s/*", action, kind, strings.Join(st.Resources.Values, ", "), b.ARN())
		}
		if message, reason = checkKeys(st, action, fits); message != "" {
			return message, reason
		}
	}
	return "", ""
}

// checkKeys is the part of checkActions about the condition keys of a statement: as
// it names an action, and the actions that are meant.
func checkKeys(st *policy.Statement, action string, meant []*policyAction) (message, reason string) {
	for _, c := range st.Conditions {
		switch key := strings.ToLower(c.Key); {
		case !strings.HasPrefix(key, "s3:"):
		case !isPolicyKey(key):
			return "Policy has an invalid condition key", "S3 has no condition key " + c.Key
		case !st.Actions.Not && !slices.ContainsFunc(meant, func(a *policyAction) bool { return a.asks(key) }):
			return "Conditions do not apply to combination of actions and resources in statement",
				fmt.Sprintf("%s has no condition key %s: give the actions that have it a statement of their own", action, c.Key)
		}
	}
	return "", ""
}
