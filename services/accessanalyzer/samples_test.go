package accessanalyzer

import (
	"strings"
	"testing"
)

// The reference policies for role trust policies, and the policies that pass and
// fail them, of aws-samples/iam-access-analyzer-custom-policy-check-samples
// (resource-policies/role-trust-policies), in short: PRINCIPAL ACTION, a statement
// each, ! for Deny and NOT for NotAction.
func TestSamplesOfAWS(t *testing.T) {
	const account = "arn:aws:iam::111111111111:"
	const (
		web, saml, assume = "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML", "sts:AssumeRole"
		notFederated      = "* NOT sts:AssumeRoleWithSAML,sts:AssumeRoleWithWebIdentity"
		myOIDC, mySAML    = "Federated=" + account + "oidc-provider/MyProvider ", "Federated=" + account + "saml-provider/MyProvider "
	)
	for _, ref := range []struct {
		name       string
		reference  []string
		pass, fail [][]string
	}{
		{
			"allow-list-federated-access-oidc", []string{myOIDC + web, notFederated},
			[][]string{{myOIDC + web}, {"Service=ec2.amazonaws.com " + assume}},
			[][]string{{mySAML + saml}, {"Federated=graph.facebook.com " + web}, {"Federated=* " + web, "! Federated=" + account + "oidc-provider/NotMyProvider " + web}},
		},
		{
			"allow-list-federated-access-saml", []string{mySAML + saml, notFederated},
			[][]string{{mySAML + saml}, {"Service=ec2.amazonaws.com " + assume}},
			[][]string{{myOIDC + web}, {"Federated=" + account + "saml-provider/NotMyProvider " + saml}, {"Federated=* " + saml, "! Federated=" + account + "saml-provider/NotMyProvider " + saml}},
		},
		{
			"allowlist-account-principals", []string{"AWS=111111111111,222222222222 " + assume, "* NOT " + assume},
			[][]string{{"AWS=111111111111 " + assume}, {"AWS=arn:aws:iam::222222222222:role/MyRole " + assume}, {myOIDC + web}},
			[][]string{{"Service=glue.amazonaws.com " + assume}, {"AWS=333333333333 " + assume}, {"AWS=arn:aws:iam::333333333333:role/NotMyRole " + assume}},
		},
		{
			"check-if-aws-service-principal", []string{"Service=ec2.amazonaws.com,lambda.amazonaws.com,ecs-tasks.amazonaws.com " + assume, "* NOT " + assume},
			[][]string{{"Service=ec2.amazonaws.com " + assume}, {myOIDC + web}},
			[][]string{{"Service=glue.amazonaws.com " + assume}, {"AWS=111111111111 " + assume}, {"AWS=" + account + "role/MyRole " + assume}},
		},
	} {
		for want, candidates := range map[string][][]string{"PASS": ref.pass, "FAIL": ref.fail} {
			for _, candidate := range candidates {
				in := map[string]string{"policyType": "RESOURCE_POLICY", "existingPolicyDocument": short(ref.reference), "newPolicyDocument": short(candidate)}
				out, err := checkNoNewAccess(body(t, in), nil)
				if err != nil {
					t.Errorf("%s: %v: %v", ref.name, candidate, err)
					continue
				}
				if got := out.(result).Result; got != want {
					t.Errorf("%s: %v: %s, want %s", ref.name, candidate, got, want)
				}
			}
		}
	}
}

// short writes a policy out.
func short(statements []string) string {
	quoted := func(list string) string { return `["` + strings.ReplaceAll(list, ",", `","`) + `"]` }
	var out []string
	for _, s := range statements {
		effect, action := "Allow", "Action"
		if rest, deny := strings.CutPrefix(s, "! "); deny {
			effect, s = "Deny", rest
		}
		principal, actions, _ := strings.Cut(s, " ")
		if rest, not := strings.CutPrefix(actions, "NOT "); not {
			action, actions = "NotAction", rest
		}
		who := `"*"`
		if kind, names, ok := strings.Cut(principal, "="); ok {
			who = `{"` + kind + `":` + quoted(names) + `}`
		}
		out = append(out, `{"Effect":"`+effect+`","Principal":`+who+`,"`+action+`":`+quoted(actions)+`}`)
	}
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(out, ",") + `]}`
}
