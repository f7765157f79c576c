package prove

import (
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/policy"
)

// What is under a customer's KMS key takes the right to use the key as well: the
// service asks KMS with the caller's rights (IAM user guide, "Forward access
// sessions"). Keys are asked about for the role's sessions at large, so that what is
// left out here is what none of them can do.

// Locked is what is stored under a KMS key.
type Locked struct {
	ARN string // may have wildcards
	// Reads and Writes are the actions that take kms:Decrypt, and kms:GenerateDataKey.
	Reads, Writes []string
	// KeyARN is the key's.
	KeyARN string
	// Service is the signing name of the service that asks.
	Service string
}

// lock is a part of what is locked that no session of the role can do.
type lock struct{ resource, actions ref }

// locks registers what the role's sessions cannot do for want of the key.
func (a *Account) locks(s *space, role *Role, session string) ([]lock, error) {
	var out []lock
	usable := map[string]Verdict{}
	for i := range a.Locked {
		l := &a.Locked[i]
		for _, use := range []struct {
			key     string
			actions []string
		}{{"kms:Decrypt", l.Reads}, {"kms:GenerateDataKey", l.Writes}} {
			if len(use.actions) == 0 {
				continue
			}
			question := use.key + " " + l.KeyARN + " " + l.Service
			if _, known := usable[question]; !known {
				verdict, err := a.uses(role, session, use.key, l)
				if err != nil {
					return nil, err
				}
				usable[question] = verdict
			}
			if usable[question] != Proved {
				continue
			}
			t := policy.Test{Comparison: actionComparison, Key: actionKey}
			for _, action := range use.actions {
				t.Values = append(t.Values, policy.Pattern{{Text: strings.ToLower(action)}})
			}
			out = append(out, lock{s.ownTest([]string{l.ARN}), s.test(t, nil)})
		}
	}
	return out, nil
}

// uses says whether a role's sessions may have a service use a key for them: proved
// that none may.
func (a *Account) uses(role *Role, session, action string, l *Locked) (Verdict, error) {
	keys := *a
	keys.Locked = nil
	keys.Resources = slices.DeleteFunc(slices.Clone(a.Resources), func(r ResourcePolicy) bool { return !covers(r.ARNs, l.KeyARN) })
	d := Doing{Actions: []string{action}, Resources: []string{l.KeyARN}}
	q, err := keys.sessionQuestionOf(role, opening{name: session, service: l.Service}, d)
	if err != nil {
		return "", err
	}
	answer, err := keys.canIn(q, role, d)
	return answer.Verdict, err
}

// through are the keys of a call that a service makes for a role's session (IAM user
// guide, aws:ViaAWSService; AWS KMS, kms:ViaService).
func through(service string, role *Role, keys map[string]domain) {
	keys["aws:viaawsservice"] = always("true")
	keys["kms:viaservice"] = domain{values: shape{words: seq{text(service + "."), plus{class(chars("a-z0-9-"))}, text(".amazonaws.com")}}}
	keys["kms:calleraccount"] = always(role.Account)
}

// unlocked is what is left of a region without what is locked.
func (s *space) unlocked(r region, locks []lock) (region, error) {
	var all region
	for _, l := range locks {
		all = append(all, s.whole().narrow(l.resource.dim, s.cells(l.resource, atMost)).narrow(l.actions.dim, s.cells(l.actions, atMost)))
	}
	return s.minusAll(r, all)
}
