package statefile_test

import (
	"testing"

	"github.com/irsa-emu/irsa-emu/statefile"
)

func TestPartition(t *testing.T) {
	const id = "111122223333"
	trust := func(partition, account string) []statefile.Role {
		return []statefile.Role{{Name: "r", TrustPolicy: statefile.NewDocument(`{"Statement":{"Principal":{"Federated":"arn:` + partition + `:iam::` + account + `:oidc-provider/h"}}}`)}}
	}
	china := statefile.Cluster{Issuer: "https://oidc.eks.cn-north-1.amazonaws.com.cn/id/A"}
	for name, tt := range map[string]struct {
		state statefile.State
		want  string
	}{
		"nothing":            {statefile.State{}, ""},
		"written":            {statefile.State{Accounts: map[string]statefile.Account{id: {Partition: "aws-iso", Roles: trust("aws-cn", id)}}, Clusters: map[string]statefile.Cluster{"c": china}}, "aws-iso"},
		"a cluster's issuer": {statefile.State{Clusters: map[string]statefile.Cluster{"c": china}}, "aws-cn"},
		"a cluster's region": {statefile.State{Clusters: map[string]statefile.Cluster{"c": {Issuer: "https://i.example.com", Region: "us-gov-east-1"}}}, "aws-us-gov"},
		"another account's":  {statefile.State{Clusters: map[string]statefile.Cluster{"c": {Issuer: china.Issuer, Account: "444455556666"}}}, ""},
		"a provider":         {statefile.State{Accounts: map[string]statefile.Account{id: {Roles: trust("aws-us-gov", id)}}}, "aws-us-gov"},
		"a principal": {statefile.State{Accounts: map[string]statefile.Account{id: {Roles: []statefile.Role{{Name: "r",
			TrustPolicy: statefile.NewDocument(`{"Statement":{"Principal":{"AWS":["not:iam::` + id + `:root","arn:aws-cn:iam::` + id + `:user/u"]}}}`)}}}}}, "aws-cn"},
		"a secret's region":      {statefile.State{Accounts: map[string]statefile.Account{id: {Secrets: []statefile.Secret{{Name: "s"}, {Name: "t", Region: "cn-north-1"}}}}}, "aws-cn"},
		"the first of clusters":  {statefile.State{Clusters: map[string]statefile.Cluster{"b": china, "a": {Issuer: "https://i.example.com", Region: "us-east-1"}}}, "aws"},
		"another account's one":  {statefile.State{Accounts: map[string]statefile.Account{id: {Roles: trust("aws-us-gov", "444455556666")}}}, ""},
		"no partition":           {statefile.State{Accounts: map[string]statefile.Account{id: {Roles: trust("aws-nowhere", id)}}}, ""},
		"an attached policy":     {statefile.State{Accounts: map[string]statefile.Account{id: {Roles: []statefile.Role{{Name: "r", AttachedPolicies: []string{"arn:aws-cn:iam::aws:policy/P"}}}}}}, "aws-cn"},
		"a permissions boundary": {statefile.State{Accounts: map[string]statefile.Account{id: {Roles: []statefile.Role{{Name: "r", PermissionsBoundary: "arn:aws-cn:iam::aws:policy/P"}}}}}, "aws-cn"},
		"roles that say nothing": {statefile.State{Accounts: map[string]statefile.Account{id: {Roles: []statefile.Role{{Name: "r"}}}}}, ""},
		"an issuer not of EKS":   {statefile.State{Clusters: map[string]statefile.Cluster{"c": {Issuer: "https://oidc.example.com"}}}, ""},
	} {
		if got := tt.state.Partition(id, id); got != tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestUnknownPartition(t *testing.T) {
	_, err := statefile.Parse("state.yaml", []byte("apiVersion: irsa-emu.dev/v1\nkind: State\naccounts:\n  \"111122223333\":\n    partition: aws-gov\n"), nil)
	if err == nil || err.Error() != `state.yaml:5:16: accounts.111122223333.partition: "aws-gov"; write one of aws, aws-cn, aws-us-gov, aws-iso, aws-iso-b, aws-iso-e, aws-iso-f, aws-eusc` {
		t.Error(err)
	}
}
