package denial_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/denial"
	_ "github.com/irsa-emu/irsa-emu/golden"
	"github.com/irsa-emu/irsa-emu/prove/given"
	"github.com/irsa-emu/irsa-emu/sources"
)

const (
	eks1   = "oidc.eks.us-west-2.amazonaws.com/id/EX1"
	github = "token.actions.githubusercontent.com"
)

// role is a role as the AWS CLI prints it.
func role(arn, trust string, policies ...string) string {
	name := arn[strings.LastIndexByte(arn, '/')+1:]
	var inline []string
	for _, p := range policies {
		inline = append(inline, `{"PolicyName":"p","PolicyDocument":{"Version":"2012-10-17","Statement":[`+p+`]}}`)
	}
	return `{"RoleDetailList":[{"RoleName":"` + name + `","Arn":"` + arn + `","Path":"` + path(arn) + `","AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[` + trust + `]},"RolePolicyList":[` + strings.Join(inline, ",") + `]}]}
`
}

func path(arn string) string {
	rest := arn[strings.Index(arn, ":role/")+len(":role"):]
	return rest[:strings.LastIndexByte(rest, '/')+1]
}

func webIdentity(provider, condition string) string {
	return `{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/` + provider + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{` + condition + `}}`
}

func webEvent(provider, audience, subject, role string) string {
	arn := "arn:aws:iam::111122223333:oidc-provider/" + provider
	return `{"eventSource":"sts.amazonaws.com","eventName":"AssumeRoleWithWebIdentity","eventTime":"2026-11-20T10:00:00Z","errorCode":"AccessDenied","errorMessage":"An unknown error occurred","responseElements":null,
"userIdentity":{"type":"WebIdentityUser","identityProvider":"` + arn + `","userName":"` + subject + `","principalId":"` + arn + `:` + audience + `:` + subject + `"},"requestParameters":{"roleArn":"` + role + `","roleSessionName":"s"}}`
}

const (
	sessionOfA = `"userIdentity":{"type":"AssumedRole","accountId":"111122223333","arn":"arn:aws:sts::111122223333:assumed-role/A/s","principalId":"AROA:s","sessionContext":{"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::111122223333:role/app/A"},"webIdFederationData":{"federatedProvider":"arn:aws:iam::111122223333:oidc-provider/` + eks1 + `","attributes":{}}}}`
	assumeB    = `{"eventSource":"sts.amazonaws.com","eventName":"AssumeRole","eventTime":"2026-11-20T10:00:00Z","errorCode":"AccessDenied","errorMessage":"User: arn:aws:sts::111122223333:assumed-role/A/s is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::444455556666:role/target","requestParameters":null,` + sessionOfA + `}`
	trustA     = `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`
)

// TestEvents are essentials of published records, with ids, accounts and names
// replaced: refused calls of EKS pods, GitHub workflows, role chains, Pod Identity,
// S3 and EC2.
func TestEvents(t *testing.T) {
	deploy, pipelines := "arn:aws:iam::111122223333:role/deploy", "arn:aws:iam::111122223333:role/pipelines"
	target := role("arn:aws:iam::444455556666:role/target", `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"x"}}}`)
	pods := func(condition string) string {
		return `{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"]` + condition + `}`
	}
	tests := []struct {
		name, event, given string
		verdict            denial.Verdict
		why                []string // parts of why, missing and next
	}{
		{"another service account", webEvent(eks1, "sts.amazonaws.com", "system:serviceaccount:argo:runner", pipelines),
			role(pipelines, webIdentity(eks1, `"StringEquals":{"`+eks1+`:sub":"system:serviceaccount:argo:pipelines"}`)), denial.Explained, []string{eks1 + ":sub", "argo:runner"}},
		{"another cluster", webEvent(eks1, "sts.amazonaws.com", "system:serviceaccount:argo:pipelines", pipelines),
			role(pipelines, webIdentity("oidc.eks.us-west-2.amazonaws.com/id/EX2", `"StringEquals":{"oidc.eks.us-west-2.amazonaws.com/id/EX2:sub":"system:serviceaccount:argo:pipelines"}`)), denial.Explained, []string{"id/EX2", "id/EX1"}},
		{"GitHub's immutable subject", webEvent(github, "sts.amazonaws.com", "repo:octo-org@65/octo-repo@74:ref:refs/heads/main", deploy),
			role(deploy, webIdentity(github, `"StringLike":{"`+github+`:sub":"repo:octo-org/octo-repo:*"}`)), denial.Explained, []string{"immutable form", ":sub"}},
		{"a claim that the event does not have", webEvent(github, "sts.amazonaws.com", "repo:octo-org/octo-repo:pull_request", deploy),
			role(deploy, webIdentity(github, `"StringLike":{"`+github+`:sub":"repo:octo-org/octo-repo:*"},"StringEquals":{"`+github+`:repository_id":"74"}`)), denial.Undecided, []string{github + ":repository_id"}},
		{"an audience with colons that the provider does not take", webEvent(eks1, "https://my-aud", "system:serviceaccount:a:b", deploy),
			role(deploy, webIdentity(eks1, `"StringEquals":{"`+eks1+`:sub":"system:serviceaccount:a:b"}`)) + `{"Url":"` + eks1 + `","ClientIDList":["sts.amazonaws.com"]}`, denial.Contradiction, []string{"https://my-aud", "InvalidIdentityToken"}},
		{"an external id that cannot be seen", assumeB, target + role("arn:aws:iam::111122223333:role/app/A", trustA, `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::444455556666:role/target"}`), denial.Undecided, []string{"sts:ExternalId", "likely missing"}},
		{"no permission to assume", assumeB, target + role("arn:aws:iam::111122223333:role/app/A", trustA, `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`), denial.Explained, []string{"no identity-based policy of arn:aws:iam::111122223333:role/app/A", "unseen"}},
		{"Pod Identity: which pod is not said", `{"eventSource":"eks-auth.amazonaws.com","eventName":"AssumeRoleForPodIdentity","errorCode":"AccessDenied","errorMessage":"Unauthorized Exception! EKS does not have permissions to assume the associated role.","userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/node/i-1"},"requestParameters":{"clusterName":"c1","token":"HIDDEN_DUE_TO_SECURITY_REASONS"}}`,
			role("arn:aws:iam::111122223333:role/R1", pods(`,"Condition":{"StringEquals":{"aws:RequestTag/eks-cluster-name":"c2"}}`)) + role("arn:aws:iam::111122223333:role/R2", pods("")) +
				`{"association":{"clusterName":"c1","namespace":"payments","serviceAccount":"api","roleArn":"arn:aws:iam::111122223333:role/R1","associationArn":"a"}}{"association":{"clusterName":"c1","namespace":"ops","serviceAccount":"x","roleArn":"arn:aws:iam::111122223333:role/R2","associationArn":"b"}}`,
			denial.Explained, []string{"payments/api", "eks-cluster-name", "cannot be ops/x"}},
		{"Pod Identity: a role that trusts another service", `{"eventSource":"sts.amazonaws.com","eventName":"AssumeRole","errorCode":"AccessDenied","errorMessage":"User: pods.eks.amazonaws.com is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/R1","userIdentity":{"type":"AWSService","invokedBy":"pods.eks.amazonaws.com"},"requestParameters":null}`,
			role("arn:aws:iam::111122223333:role/R1", trustA), denial.Explained, []string{"Service: ec2.amazonaws.com", "the caller is pods.eks.amazonaws.com"}},
		{"Pod Identity: the STS's own event", `{"eventSource":"sts.amazonaws.com","eventName":"AssumeRole","errorCode":"AccessDenied","errorMessage":"User: pods.eks.amazonaws.com is not authorized to perform: sts:TagSession on resource: arn:aws:iam::111122223333:role/R1","userIdentity":{"type":"AWSService","invokedBy":"pods.eks.amazonaws.com"},"requestParameters":null}`,
			role("arn:aws:iam::111122223333:role/R1", `{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":"sts:AssumeRole"}`), denial.Explained, []string{"trust policy of arn:aws:iam::111122223333:role/R1", "refuses the caller"}},
		{"an object that does not exist", `{"eventSource":"s3.amazonaws.com","eventName":"GetObject","errorCode":"AccessDenied","errorMessage":"User: arn:aws:sts::111122223333:assumed-role/A/s is not authorized to perform: s3:ListBucket on resource: \"arn:aws:s3:::b\" because no identity-based policy allows the s3:ListBucket action","requestParameters":{"bucketName":"b","key":"k","Host":"h"},` + sessionOfA + `}`,
			role("arn:aws:iam::111122223333:role/app/A", trustA, `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}`), denial.Explained, []string{"s3:ListBucket", "does not exist"}},
		{"a service control policy", `{"eventSource":"ec2.amazonaws.com","eventName":"RunInstances","errorCode":"Client.UnauthorizedOperation","errorMessage":"You are not authorized to perform this operation. User: arn:aws:sts::111122223333:assumed-role/A/s is not authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:us-west-2:111122223333:instance/* with an explicit deny in a service control policy: arn:aws:organizations::111122223333:policy/o-x/service_control_policy/p-1. Encoded authorization failure message: abc",` + sessionOfA + `}`,
			role("arn:aws:iam::111122223333:role/app/A", trustA, `{"Effect":"Allow","Action":"ec2:*","Resource":"*"}`), denial.Elsewhere, []string{"service_control_policy/p-1", "decode-authorization-message"}},
		{"a role that no source has", webEvent(eks1, "sts.amazonaws.com", "system:serviceaccount:a:b", "arn:aws:iam::111122223333:role/other"), role(deploy, trustA), denial.Undecided, []string{"none of the sources"}},
		{"a VPC endpoint", `{"eventSource":"s3.amazonaws.com","eventName":"GetObject","eventCategory":"NetworkActivity","errorCode":"VpceAccessDenied","errorMessage":"The request was denied due to a VPC endpoint policy","vpcEndpointId":"vpce-1","userIdentity":{}}`, role(deploy, trustA), denial.Elsewhere, []string{"vpce-1"}},
	}
	for _, tt := range slices.Clone(tests) { // in China the same is true
		for _, text := range append([]*string{&tt.event, &tt.given}, pointers(&tt.why)...) {
			*text = strings.ReplaceAll(*text, "arn:aws:", "arn:aws-cn:")
		}
		tt.name += ", in China"
		tests = append(tests, tt)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for form, text := range forms(tt.event) {
				got := explain(t, tt.given, text)
				if len(got) != 1 {
					t.Fatalf("%s: %d explanations", form, len(got))
				}
				all := got[0].Why + "\n" + strings.Join(append(got[0].Missing, got[0].Next...), "\n")
				if got[0].Verdict != tt.verdict {
					t.Errorf("%s: %s, want %s: %s", form, got[0].Verdict, tt.verdict, all)
				}
				for _, part := range tt.why {
					if !strings.Contains(all, part) {
						t.Errorf("%s: the answer lacks %q: %s", form, part, all)
					}
				}
			}
		})
	}
}

// pointers are those of a copy of a list.
func pointers(list *[]string) []*string {
	*list = slices.Clone(*list)
	var out []*string
	for i := range *list {
		out = append(out, &(*list)[i])
	}
	return out
}

// forms are what an event is delivered in.
func forms(event string) map[string]string {
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(event)
	return map[string]string{
		"a record": event, "a log file": `{"Records":[` + event + `]}`, "lookup-events": `{"Events":[{"EventId":"1","CloudTrailEvent":"` + quoted + `"}]}`,
		"EventBridge": `{"detail-type":"AWS API Call via CloudTrail","detail":` + event + `}`,
	}
}

func explain(t *testing.T, state, event string) []*denial.Explanation {
	t.Helper()
	found, err := sources.Options{Stdin: strings.NewReader(state), Account: "111122223333"}.Read("-")
	if err != nil {
		t.Fatal(err)
	}
	x, err := denial.New(found, given.Options{})
	if err != nil {
		t.Fatal(err)
	}
	events, err := denial.Read([]byte(event))
	if err != nil {
		t.Fatal(err)
	}
	var out []*denial.Explanation
	for _, e := range events {
		if e.Refused() {
			out = append(out, x.Explain(e))
		}
	}
	return out
}

func TestReadSaysWhatIsWrong(t *testing.T) {
	for src, want := range map[string]string{
		"": "no CloudTrail record", "{}": "no eventName", "[1]": "not a CloudTrail record", "{\n\"eventName\": x}": "line 2", `{"Records":[]}`: "no CloudTrail record",
		`{"eventName":"A","eventSource":"s","requestParameters":"x"}`: "requestParameters is not an object: text where an object is wanted",
		"3":                 `not a CloudTrail record: a number where an object is wanted`,
		`{"eventName":3}`:   `eventName: a number where text is wanted`,
		`{"eventName": "A"`: `line 1: not JSON: it ends too early`,
	} {
		if _, err := denial.Read([]byte(src)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", src, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, text := range forms(webEvent(eks1, "a:b", "system:serviceaccount:a:b", "arn:aws:iam::111122223333:role/deploy")) {
		f.Add(text)
	}
	f.Add(assumeB)
	found, err := sources.Options{Stdin: strings.NewReader(role("arn:aws:iam::111122223333:role/deploy", webIdentity(eks1, `"StringLike":{"`+eks1+`:sub":"*"}`))), Account: "111122223333"}.Read("-")
	if err != nil {
		f.Fatal(err)
	}
	x, err := denial.New(found, given.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		events, err := denial.Read([]byte(text))
		if err != nil {
			return
		}
		for _, e := range events {
			if got := x.Explain(e); got.Verdict == "" || got.Why == "" {
				t.Errorf("no answer for %s", text)
			}
		}
	})
}
