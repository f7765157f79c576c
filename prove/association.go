package prove

import (
	"errors"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// Association is an association of EKS Pod Identity as far as questions about it
// go: which pods EKS opens a role's sessions for, and with what.
type Association struct {
	Cluster                   string
	ClusterARN                string // "" when its region or account is not known
	Namespace, ServiceAccount string
	// Untagged: the sessions have no tags of the pod.
	Untagged bool
	// Policy is the session policy; nil when there is none.
	Policy *policy.Document
	// ExternalID is what EKS sends to a target role; "" when it is not known.
	ExternalID string
}

// tags are those of a pod's session, in lower case, and what is known of their
// values (EKS user guide, "Grant pods access to AWS resources based on tags").
func (as *Association) tags() map[string]domain {
	if as.Untagged {
		return nil
	}
	out := map[string]domain{}
	for _, tag := range aws.PodTags(as.ClusterARN, as.Cluster, aws.ServiceAccount{Namespace: as.Namespace, Name: as.ServiceAccount}, "", "") {
		out[tag.Key] = always(tag.Value)
		if d, varies := ofPod[tag.Key]; varies && tag.Value == "" {
			out[tag.Key] = d
		}
	}
	return out
}

// ofPod are the tags that differ from pod to pod, or that no source may say.
var ofPod = map[string]domain{
	"eks-cluster-arn": {values: anyText, supposed: true}, "kubernetes-pod-name": {values: podName}, "kubernetes-pod-uid": {values: shape{words: uuid}},
}

// podName is a DNS subdomain.
var podName = shape{words: seq{dnsLabel, opt{plus{seq{text("."), dnsLabel}}}}}

// request puts the session tags into a call that opens a session.
func (as *Association) request(w *world) {
	tags := as.tags()
	if len(tags) == 0 {
		return
	}
	w.actions = append(w.actions, "sts:TagSession")
	keys := domain{values: shape{words: none{}}, many: multi}
	for name, d := range tags {
		w.keys["aws:requesttag/"+name] = d
		keys.with = append(keys.with, text(name))
	}
	w.keys["aws:tagkeys"], w.keys["sts:transitivetagkeys"] = keys, keys
}

// Opens says whether EKS can open a role's sessions for the association's pods:
// refuted with a call that does, or proved that none does.
func (as *Association) Opens(role *Role) (Answer, error) {
	if role.Unknown != "" {
		return unknownTrust(role), nil
	}
	w := callerWorld(&Caller{Kind: ServiceCaller, Name: aws.PodIdentityService}, role)
	w.keys["aws:sourceaccount"] = always(role.Account) // an association's role is of the cluster's account
	w.keys["aws:sourcearn"] = domain{values: anyText, supposed: true}
	if as.ClusterARN != "" {
		w.keys["aws:sourcearn"] = always(as.ClusterARN)
	}
	as.ofEKS(&w)
	as.region(&w)
	as.request(&w)
	return decide(&w, role, nil)
}

// Hands says whether the association's role, with its session, can assume a
// target role as EKS does it: with the tags handed on and an external id.
func (as *Association) Hands(role, target *Role) (Answer, error) {
	if target.Unknown != "" {
		return unknownTrust(target), nil
	}
	if !aws.SamePartition(role.ARN, target.ARN) {
		return Answer{Verdict: Proved, Statement: -1}, nil
	}
	w := sessionCall(role, target, "")
	as.region(&w)
	w.keys["sts:externalid"] = domain{values: externalID, supposed: true}
	if as.ExternalID != "" {
		w.keys["sts:externalid"] = always(as.ExternalID)
	}
	as.named(&w)
	as.request(&w)
	as.principalTags(&w)
	return decide(&w, target, role)
}

// ofEKS leaves to a call of EKS's the keys that it has: the service is of no account,
// and is no principal with an ARN.
func (as *Association) ofEKS(w *world) {
	w.keys["aws:principalaccount"], w.keys["aws:principalarn"] = never, never
	as.named(w)
	others := w.other
	w.other = func(key string) domain {
		switch {
		case aws.RoleTagKey(key):
			return others(key)
		case key == "aws:sourceorgid", key == "aws:resourceorgid":
			return free
		case key == "aws:sourceorgpaths", key == "aws:resourceorgpaths":
			return domain{absent: true, values: anyText, many: multi}
		}
		return never
	}
}

// named gives the sessions the names that EKS gives them.
func (as *Association) named(w *world) {
	if as.Cluster == "" {
		return // not known
	}
	words := seq{text(aws.PodSessionPrefix(as.Cluster)), star(chars("a-z0-9.-")), text("-"), uuid}
	w.keys[roleSessionName] = domain{values: shape{words: words}}
}

// region puts the region of EKS's calls into one: the cluster's.
func (as *Association) region(w *world) {
	if arn, err := aws.ParseARN(as.ClusterARN); err == nil {
		w.keys["aws:requestedregion"] = always(arn.Region)
	}
}

// principalTags gives the keys of a session's call the tags of its session.
func (as *Association) principalTags(w *world) {
	for name, d := range as.tags() {
		w.keys["aws:principaltag/"+name] = d
	}
}

// Does says whether the sessions that EKS opens for the association's pods may do
// something: with the role itself, or with what the session policy leaves of it.
func (a *Account) Does(as *Association, role *Role, d Doing) (Answer, error) {
	q, err := a.sessionQuestionOf(role, opening{as: as}, d)
	if err != nil {
		return Answer{}, err
	}
	return a.canIn(q, role, d)
}

// unknownTrust is the answer about a role whose trust policy is not known.
func unknownTrust(role *Role) Answer {
	return Answer{Verdict: Undecided, Statement: -1, Why: "the role's trust policy is not known: " + role.Unknown}
}

// taggable says whether sessions of the role can have session tags at all, as
// far as its trust policy goes.
func (r *Role) taggable() bool {
	if r.Trust.Document == nil {
		return true
	}
	for i := range r.Trust.Document.Statements {
		if st := &r.Trust.Document.Statements[i]; st.Effect == "Allow" && st.Concerns("sts:TagSession") {
			return true
		}
	}
	return false
}

// decide answers whether a call of a world is let in by a role; caller is the
// role whose session makes it, nil for callers that have all permissions.
func decide(w *world, role, caller *Role) (Answer, error) {
	q := newQuestion(w, role, &budget{left: defaultWork})
	if caller != nil {
		q.permissionsOf(caller)
	} else {
		q.trustOnly = true
	}
	err := q.solve()
	answer := Answer{Verdict: Proved, Statement: -1}
	if err == nil {
		answer, err = q.answer(region{q.space.whole()})
	}
	if errors.Is(err, errTooComplex) {
		statement, key := heaviest(role.Trust.Document)
		return Answer{Verdict: Undecided, Statement: statement, Key: key, Why: err.Error()}, nil
	}
	return answer, err
}
