package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/oidc"
)

const checkLong = `check evaluates a role's trust policy for an identity, as the STS would, without a
server. It exits with 0 when the role may be assumed (allowed), 1 when not (denied), 2
when an input cannot be read.

With --trust-policy, one document is checked, and its provider is assumed to exist.
With --given, the role is found in a state, a plan, a template or an account's details,
and its provider, client ids and tags are checked too. Without --role, every role in the
sources is checked.

With --profile github both shapes of the repository's subject are asked: the classic
one, which decides the exit code, and the immutable one with the ids of owner and
repository, which repositories have since 2026-07-15 when they are created, renamed or
transferred (--profile github-immutable asks for that alone; --claim repository_id=… and
repository_owner_id=… give the ids, else those are taken that the policy names).

With --pod-identity the question is whether EKS Pod Identity gives the pods of a
service account their role: EKS's call is evaluated against the trust policy of the
association's role, with the tags and the cluster as its source, and then against the
target role. --given has the association; with --trust-policy it is assumed to exist.

-o json prints an object with allowed, role, provider, issuer, subject, audience,
error (code, message, status; what AWS answers to a refused call), reason (kind,
message, hint; what AWS does not say), beyond (more such reasons, for which it would
be refused as well), place (where the trust policy is written), checks (one policy
decision per action: every statement and condition, the expected and the actual
value) and notes. For several roles it has allowed, verdicts, a list of such
objects, and unknown, the roles whose trust policies the sources do not hold. With
--pod-identity it has cluster, association (its place) and targetRole too, with --profile
github shapes (shape, subject, allowed). Fields may be added.`

func (p *program) checkCommand() *cobra.Command {
	var q question
	var explain, strict bool
	var output string
	cmd := &cobra.Command{
		Use: "check", Short: "Decide one trust question offline: may this identity assume a role?", Args: noArguments, Long: checkLong,
		Example: `  irsa-emu check --trust-policy trust-policy.json \
    --issuer https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE --service-account your-namespace/your-service-account
  irsa-emu check --trust-policy trust-policy.json --profile github --claim repository=octo-org/octo-repo
  irsa-emu check --given plan.json --pod-identity --cluster my-cluster --service-account payments/api
  terraform show -json plan.out > plan.json && irsa-emu check --given plan.json --role payments-api --token token.txt`,
		RunE: func(*cobra.Command, []string) error {
			if output != "text" && output != "json" {
				return usageError("-o %s: write text or json", output)
			}
			q.now = time.Now()
			verdicts, err := q.answer(p)
			if err != nil {
				return err
			}
			if err := p.printVerdicts(verdicts, q.unknown, q.role != "" || q.trustPolicy != "" || q.pods.asked, output, explain); err != nil {
				return err
			}
			if !anyAllowed(verdicts) || strict && (!p.sure(verdicts) || q.role == "" && len(q.unknown) > 0) {
				return &exitError{code: exitFailed}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&q.trustPolicy, "trust-policy", "", "file of the trust policy, IAM JSON (- is the standard input)")
	q.given.add(cmd, "where the role is, in place of --trust-policy")
	q.given.addRegion(cmd)
	flags.StringVar(&q.role, "role", "", "the role's ARN or name")
	flags.StringVar(&q.who.issuer, "issuer", "", "issuer URL (default: the only one of a cluster or provider that is given, or that the trust policy names)")
	flags.StringVar(&q.who.serviceAccount, "service-account", "", "NAMESPACE/NAME of the service account")
	flags.StringVar(&q.who.subject, "subject", "", "the sub claim as it is")
	flags.StringVar(&q.who.claimsFile, "claims", "", "JSON file of a token's claims (- is the standard input)")
	flags.StringVar(&q.who.tokenFile, "token", "", "file of a token (- is the standard input); its signature is not checked, and its times only give a note")
	flags.StringVar(&q.who.profile, "profile", "", "shape of another issuer's tokens: "+oidc.ProfileNames())
	flags.StringArrayVar(&q.who.claims, "claim", nil, "set a claim: claim=value; null removes it (repeatable)")
	flags.StringArrayVar(&q.who.audience, "audience", nil, "audience (default sts.amazonaws.com, or the profile's)")
	flags.StringVar(&q.account, "account", "", "the role's account (default: its ARN's, or the one in the policy's federated principal)")
	flags.StringArrayVar((*[]string)(&q.keys), "context", nil, "KEY=VALUE of a condition key of the request, such as aws:SourceIp=203.0.113.7 (repeatable)")
	flags.StringVar(&q.sessionName, "session-name", "session", "the role session name")
	flags.IntVar(&q.seconds, "duration-seconds", aws.DefaultRoleSession, "how long the session is to last, in seconds")
	flags.BoolVar(&q.pods.asked, "pod-identity", false, "by EKS Pod Identity, with --service-account and --cluster, in place of a web identity")
	flags.StringVar(&q.pods.cluster, "cluster", "", "with --pod-identity: the EKS cluster's name or ARN (default with --given: the only one)")
	flags.StringVar(&q.pods.pod, "pod", "", "with --pod-identity: the pod's name, for policies that test it")
	flags.BoolVar(&q.pods.noTags, "disable-session-tags", false, "with --pod-identity and --trust-policy: the association disables session tags")
	flags.BoolVar(&explain, "explain", false, "show every statement and condition also when the role may be assumed")
	flags.BoolVar(&strict, "strict", false, "exit with 1 also when the role may be assumed only if what the sources do not hold is as it was taken to be")
	flags.StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}
