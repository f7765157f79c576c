package policy

import (
	"cmp"
	"fmt"

	"github.com/irsa-emu/irsa-emu/aws"
)

// key says which side is missing of a use of a KMS key, for AWS does not say what
// the key's policy has to do with it.
func (h *hinter) key() {
	d, p, caller := h.decision, h.policies, &h.request.Principal
	if !p.ResourceDecides || p.Resource == nil || d.Outcome != ImplicitDeny || len(d.Policies) == 0 {
		return
	}
	name := cmp.Or(caller.RoleARN, caller.ARN)
	allow := fmt.Sprintf(`{"Effect": "Allow", "Action": "%s", "Resource": "%s"}`, h.request.Action, h.request.Resource)
	owner := p.ResourceAccount
	switch {
	case d.By == ResourcePolicy && caller.Account != owner:
		h.hints = append(h.hints, Hint{Policy: p.Resource.Name, Statement: -1, Hint: fixed("key-policy-account",
			fmt.Sprintf(`add to the key policy {"Effect": "Allow", "Principal": {"AWS": "%s"}, "Action": "%s", "Resource": "*"}, and allow it in a policy of the caller too: %s`, name, h.request.Action, allow),
			"the key is account %s's, whose key policy must let the caller in", owner)})
	case d.By == ResourcePolicy:
		key, _ := aws.SplitARN(h.request.Resource)
		root := aws.ARN{Partition: key[1], Service: "iam", Account: owner, Resource: "root"}.String()
		h.hints = append(h.hints, Hint{Policy: p.Resource.Name, Statement: -1, Hint: fixed("key-policy",
			fmt.Sprintf(`name the caller in the key policy, {"Effect": "Allow", "Principal": {"AWS": "%s"}, "Action": "%s", "Resource": "*"}, or let the account's policies decide: "Principal": {"AWS": "%s"}, "Action": "kms:*"`, name, h.request.Action, root),
			"the key policy neither names the caller nor leaves it to the account's IAM policies, which allow nothing by themselves on a key")})
	case d.By == IdentityPolicy:
		h.hints = append(h.hints, Hint{Policy: p.Resource.Name, Statement: -1, Hint: fixed("key-identity-policy",
			"add to a policy of the caller "+allow, "the key policy leaves it to the IAM policies of account %s, and none of the caller's allows %s on the key", caller.Account, h.request.Action)})
	}
}
