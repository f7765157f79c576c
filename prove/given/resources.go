package given

import (
	"fmt"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/prove"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// addResources adds the policies of keys, secrets and buckets. One without a policy
// matters to other accounts, which may do nothing with it then.
func (m *Model) addResources(account string) error {
	a := m.state.Accounts[account]
	partition := m.partition(account)
	for i := range a.KMSKeys {
		if err := m.addKey(partition, account, &a.KMSKeys[i]); err != nil {
			return err
		}
	}
	for i := range a.Secrets {
		s := &a.Secrets[i]
		arn := aws.ARN{Partition: partition, Service: "secretsmanager", Region: or(s.Region, "*"), Account: account, Resource: "secret:" + s.Name + "-" + or(s.Suffix, "??????")}
		if err := m.addResource(account, "secret "+s.Name, s.Policy.Text(), false, arn.String()); err != nil {
			return err
		}
	}
	for i := range a.Buckets {
		b := &a.Buckets[i]
		arn := aws.PartitionARN(partition, "s3", "", b.Name)
		if err := m.addResource(account, "bucket "+b.Name, b.Policy.Text(), false, arn, arn+"/*"); err != nil {
			return err
		}
	}
	return nil
}

// addKey adds a KMS key, whose policy decides. AWS's default one leaves it to the
// account's own policies.
func (m *Model) addKey(partition, account string, k *statefile.KMSKey) error {
	text := k.Policy.Text()
	if text == "" {
		root := aws.PartitionARN(partition, "iam", account, "root")
		text = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + root + `"},"Action":"kms:*","Resource":"*"}]}`
	}
	id := k.ID
	if id == "" && len(k.Aliases) > 0 {
		id = strings.ReplaceAll(k.Aliases[0], "/", "-") // nobody writes an ID that nothing gives
	}
	arn := aws.ARN{Partition: partition, Service: "kms", Region: or(k.Region, "*"), Account: account, Resource: "key/" + id}
	return m.addResource(account, "key "+id, text, true, arn.String())
}

func (m *Model) addResource(account, name, text string, decides bool, arns ...string) error {
	doc := &policy.Document{}
	if text != "" {
		var err error
		if doc, err = policy.Parse([]byte(text)); err != nil {
			return fmt.Errorf("the policy of %s: %w", name, err)
		}
	} else if len(m.state.Accounts) == 1 {
		return nil
	}
	m.Resources = append(m.Resources, prove.ResourcePolicy{
		ARNs: arns, Account: account, Policy: policy.Named{Name: name, Type: policy.ResourcePolicy, Document: doc}, Decides: decides,
	})
	return nil
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
