package sources_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/irsa-emu/irsa-emu/sources"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// readWhole reads a source and uses all that was found in it.
func readWhole(t *testing.T, src string) {
	t.Helper()
	found, err := sources.Options{Stdin: strings.NewReader(src)}.Read("-")
	if err != nil {
		return
	}
	for i := range found.Policies {
		if p := &found.Policies[i]; len(p.Text) > 64*len(src)+4096 {
			t.Errorf("a policy of %d bytes out of a source of %d", len(p.Text), len(src))
		}
		found.Policies[i].Place(1, 1)
	}
	if found.Validate() == nil {
		text, err := statefile.Marshal(found.State)
		if err != nil {
			t.Errorf("a state that cannot be written: %v", err)
		}
		if len(text) > 256*len(src)+1<<16 {
			t.Errorf("a state of %d bytes out of a source of %d", len(text), len(src))
		}
	}
}

// needsItself is a condition C that needs its own value, deep within a value: it used up the stack.
var needsItself = `{"Fn::Equals":[` + strings.Repeat("[", 60) + `{"Fn::If":["C","a","b"]}` + strings.Repeat("]", 60) + `,"a"]}`

// FuzzCloudFormation puts any value where a template may have a function.
func FuzzCloudFormation(f *testing.F) {
	for _, value := range []string{
		`"x"`, `{"Ref":"P"}`, `{"Ref":"R"}`, `{"Fn::GetAtt":["R","Arn"]}`, `{"Fn::Sub":"${P}-${R.Arn}-${!x}-${AWS::Region"}`, `{"Fn::Sub":["${a}${a}",{"a":{"Fn::Sub":["${a}${a}",{"a":{"Ref":"P"}}]}}]}`,
		`{"Fn::Join":["",["a",{"Ref":"AWS::NoValue"},{"Fn::Split":["",{"Ref":"P"}]}]]}`, `{"Fn::Select":[-1,{"Fn::Split":[",","a,b"]}]}`, `{"Fn::If":["C",{"Ref":"C"},{"Fn::If":["C",1,2]}]}`,
		`{"Fn::FindInMap":["M",{"Ref":"P"},"b",{"DefaultValue":{"Ref":"M"}}]}`, `{"Fn::ToJsonString":{"a":[1,null,{"Fn::Base64":"x"}]}}`, `{"Fn::ImportValue":[]}`, `[{}]`, `null`, `{"Fn::Transform":{}}`,
		needsItself, strings.Repeat("[", 60) + `{"Ref":"K"}` + strings.Repeat("]", 60), `{"Fn::Join":["",[{"Ref":"K"},{"Fn::GetAtt":["K","OpenIdConnectIssuerUrl"]}]]}`,
	} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if !json.Valid([]byte(value)) || strings.Contains(value, "file") {
			return
		}
		readWhole(t, fmt.Sprintf(`{"AWSTemplateFormatVersion":"2010-09-09","Parameters":{"P":{"Type":"String","Default":%[1]s}},"Mappings":{"M":{"a":{"b":%[1]s}}},
"Conditions":{"C":%[1]s,"D":{"Fn::And":[{"Condition":"C"},{"Condition":"D"}]}},"Resources":{
"R":{"Type":"AWS::IAM::Role","Condition":"C","Properties":{"RoleName":%[1]s,"AssumeRolePolicyDocument":%[1]s,"ManagedPolicyArns":%[1]s,"Policies":[{"PolicyName":"p","PolicyDocument":%[1]s}],"Tags":%[1]s}},
"S":{"Type":"AWS::SecretsManager::Secret","Properties":{"Name":"s","SecretString":%[1]s,"Tags":%[1]s}},
"K":{"Type":"Custom::AWSCDK-EKS-Cluster","Properties":{"Config":{"name":%[1]s}}},
"O":{"Type":"AWS::IAM::OIDCProvider","Properties":{"Url":%[1]s,"ClientIdList":%[1]s}}}}`, value))
	})
}

// FuzzTerraform puts any value and any reference where a plan may have one.
func FuzzTerraform(f *testing.F) {
	for _, s := range [][2]string{
		{`"x"`, "aws_iam_role.r.name"}, {`"{\"Version\":\"2012-10-17\",\"Statement\":[]}"`, "data.aws_iam_policy_document.d.json"}, {`[{"effect":"Allow","actions":["a"],"principals":[{"type":"Federated","identifiers":["x"]}]}]`, "module.m.out"},
		{`{"a":null}`, `module.m["k.]"].out[0]`}, {`1`, "var.x"}, {`true`, "each.value.a"}, {`[[]]`, "aws_iam_role.r[0].arn"}, {`""`, "module.m"}, {`null`, "data"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, value, reference string) {
		quoted, err := json.Marshal(reference)
		if err != nil || !json.Valid([]byte(value)) || strings.Contains(value, "file") {
			return
		}
		readWhole(t, fmt.Sprintf(`{"format_version":"1.2","planned_values":{"root_module":{"resources":[
{"address":"aws_iam_role.r","mode":"managed","type":"aws_iam_role","name":"r","values":{"name":%[1]s,"assume_role_policy":%[1]s,"inline_policy":%[1]s,"managed_policy_arns":%[1]s}},
{"address":"aws_iam_role_policy_attachment.a","mode":"managed","type":"aws_iam_role_policy_attachment","name":"a","index":%[1]s,"values":{"role":%[1]s}},
{"address":"data.aws_iam_policy_document.d","mode":"data","type":"aws_iam_policy_document","name":"d","values":{"statement":%[1]s,"source_policy_documents":%[1]s}}],
"child_modules":[{"address":"module.m","resources":[{"address":"module.m.aws_iam_role.r","mode":"managed","type":"aws_iam_role","name":"r","values":{}}]}]}},
"resource_changes":[{"address":"aws_iam_role.r","change":{"after_unknown":%[1]s}}],
"configuration":{"root_module":{"resources":[
{"address":"aws_iam_role.r","expressions":{"name":{"references":[%[2]s]},"assume_role_policy":{"references":[%[2]s,%[2]s]}}},
{"address":"aws_iam_role_policy_attachment.a","expressions":{"role":{"references":[%[2]s]},"policy_arn":{"references":[%[2]s]}}},
{"address":"data.aws_iam_policy_document.d","expressions":{"statement":%[1]s,"source_policy_documents":{"references":[%[2]s]}}}],
"module_calls":{"m":{"expressions":{"x":{"references":[%[2]s]}},"module":{"outputs":{"out":{"expression":{"references":[%[2]s]}}},"resources":[{"address":"aws_iam_role.r","expressions":{"name":{"references":[%[2]s,"var.x"]}}}]}}}}}}`, value, quoted))
	})
}

// Functions and references that double what they are given: a template of a few
// kilobytes must not become gigabytes.
func TestAttackExpandingSources(t *testing.T) {
	nested := `{"Ref":"P"}`
	for range 40 {
		nested = `{"Fn::Sub":["${a}${a}${a}${a}",{"a":` + nested + `}]}`
	}
	joined := `{"Ref":"P"}`
	for range 40 {
		joined = `{"Fn::Join":["",[` + joined + `,{"Ref":"P"}]]}`
	}
	split := `{"Fn::Split":["a",{"Fn::Join":["aaaaaaaa",{"Fn::Split":["",` + `{"Ref":"P"}` + `]}]}]}`
	// Outputs that refer to two others each, and documents that merge two others.
	var calls, modules, documents, expressions []string
	for i := range 31 {
		calls = append(calls, fmt.Sprintf(`"m%d":{"expressions":{"x":{"references":["module.m%d.out","module.m%[2]d.also"]}},"module":{"outputs":{"out":{"expression":{"references":["var.x"]}},"also":{"expression":{"references":["var.x"]}}}}}`, i, i+1))
		modules = append(modules, fmt.Sprintf(`{"address":"module.m%d","resources":[{"address":"module.m%[1]d.aws_iam_user.u","mode":"managed","type":"aws_iam_user","name":"u","values":{}}]}`, i))
		for _, name := range []string{"a", "b"} {
			documents = append(documents, fmt.Sprintf(`{"address":"data.aws_iam_policy_document.%s%d","mode":"data","type":"aws_iam_policy_document","name":"%[1]s%[2]d","values":{"statement":[{"effect":"Allow","actions":["s3:*"],"resources":["*"]}]}}`, name, i))
			expressions = append(expressions, fmt.Sprintf(`{"address":"data.aws_iam_policy_document.%s%d","expressions":{"source_policy_documents":{"references":["data.aws_iam_policy_document.a%d.json","data.aws_iam_policy_document.b%[3]d.json"]}}}`, name, i, i+1))
			documents[len(documents)-1] = strings.Replace(documents[len(documents)-1], `"values":{`, `"values":{"source_policy_documents":[null,null],`, 1)
		}
	}
	for name, src := range map[string]string{
		"nested Sub":                           `{"Resources":{"R":{"Type":"AWS::IAM::Role","Properties":{"RoleName":` + nested + `}}},"Parameters":{"P":{"Default":"aaaa"}},"AWSTemplateFormatVersion":"2010-09-09"}`,
		"nested Join":                          `{"Resources":{"R":{"Type":"AWS::IAM::Role","Properties":{"RoleName":` + joined + `}}},"Parameters":{"P":{"Default":"aaaa"}},"AWSTemplateFormatVersion":"2010-09-09"}`,
		"nested Split":                         `{"Resources":{"R":{"Type":"AWS::IAM::Role","Properties":{"ManagedPolicyArns":` + split + `}}},"Parameters":{"P":{"Default":"` + strings.Repeat("b", 10_000) + `"}},"AWSTemplateFormatVersion":"2010-09-09"}`,
		"conditions":                           `{"Conditions":{` + strings.Join(doubling(200), ",") + `},"Resources":{"R":{"Type":"AWS::IAM::Role","Condition":"C0"}},"AWSTemplateFormatVersion":"2010-09-09"}`,
		"a condition that needs itself":        `{"Conditions":{"C":` + needsItself + `},"Resources":{"R":{"Type":"AWS::IAM::Role","Condition":"C"}},"AWSTemplateFormatVersion":"2010-09-09"}`,
		"a cluster that is named after itself": `{"Resources":{"C":{"Type":"Custom::AWSCDK-EKS-Cluster","Properties":{"Config":{"name":` + strings.Repeat("[", 60) + `{"Ref":"C"}` + strings.Repeat("]", 60) + `}}},"R":{"Type":"AWS::IAM::Role","Properties":{"RoleName":{"Ref":"C"}}}},"AWSTemplateFormatVersion":"2010-09-09"}`,
		"YAML aliases":                         "AWSTemplateFormatVersion: 2010-09-09\na: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f]\nh: &h [*g,*g,*g,*g,*g,*g,*g,*g]\nResources: {R: {Type: 'AWS::IAM::Role', Properties: {Tags: *h, RoleName: *h}}}\n",
		"modules": `{"format_version":"1.2","planned_values":{"root_module":{"resources":[{"address":"aws_iam_role_policy_attachment.a","mode":"managed","type":"aws_iam_role_policy_attachment","name":"a","values":{}}],"child_modules":[` + strings.Join(modules, ",") +
			`]}},"configuration":{"root_module":{"resources":[{"address":"aws_iam_role_policy_attachment.a","expressions":{"role":{"references":["module.m0.out"]},"policy_arn":{"references":["module.m0.out"]}}}],"module_calls":{` + strings.Join(calls, ",") + `}}}}`,
		"documents": `{"format_version":"1.2","planned_values":{"root_module":{"resources":[{"address":"aws_iam_policy.p","mode":"managed","type":"aws_iam_policy","name":"p","values":{"name":"p"}},` + strings.Join(documents, ",") +
			`]}},"configuration":{"root_module":{"resources":[{"address":"aws_iam_policy.p","expressions":{"policy":{"references":["data.aws_iam_policy_document.a0.json"]}}},` + strings.Join(expressions, ",") + `]}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			var found int
			took := testing.AllocsPerRun(1, func() {
				result, err := sources.Options{Stdin: bytes.NewReader([]byte(src))}.Read("-")
				if err == nil {
					found = len(result.Policies)
				}
			})
			if took > 20_000_000 {
				t.Errorf("%v allocations for %d bytes (%d policies)", took, len(src), found)
			}
		})
	}
}

// doubling are conditions each of which asks the next one twice.
func doubling(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"C%d":{"Fn::Or":[{"Condition":"C%d"},{"Condition":"C%[2]d"}]}`, i, i+1))
	}
	return list
}

// FuzzManifest reads any YAML as manifests, alone and as an item of a list.
func FuzzManifest(f *testing.F) {
	for _, s := range []string{
		"kind: Deployment\nspec: {template: {spec: {serviceAccountName: a, containers: [{name: c, env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]}}}",
		"kind: ServiceAccount\nmetadata: &m {name: a, annotations: {eks.amazonaws.com/role-arn: x}}\nother: *m\n<<: *m",
		"kind: Application\nspec: {source: {chart: c, helm: {values: 'serviceAccount: {annotations: {eks.amazonaws.com/role-arn: x}}', parameters: [{name: 'a.b\\.c', value: d}]}}}",
		"kind: ClusterConfig\nmetadata: {name: c}\niam: {withOIDC: true, serviceAccounts: [{metadata: {name: a}, roleOnly: true}], podIdentityAssociations: [{namespace: n, serviceAccountName: s}]}\naddons: [{name: vpc-cni, useDefaultPodIdentityAssociations: true}]",
		"kind: Role\nspec: {name: r, assumeRolePolicyDocument: '{}'}", "kind: HelmRelease\nspec: {values: {a: {annotations: {eks.amazonaws.com/role-arn: []}}}}", "kind: XList\nitems: [{metadata: {name: a}}, 1]",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, "file") {
			return
		}
		for _, group := range []string{"v1", "apps/v1", "eksctl.io/v1alpha5", "argoproj.io/v1alpha1", "helm.toolkit.fluxcd.io/v2", "iam.services.k8s.aws/v1alpha1", "iam.aws.upbound.io/v1beta1"} {
			readWhole(t, "apiVersion: "+group+"\n"+s)
		}
	})
}
