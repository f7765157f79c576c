package given

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
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
		arn := aws.ARN{Partition: partition, Service: "secretsmanager", Region: region(s.Region), Account: account, Resource: "secret:" + s.Name + "-" + cmp.Or(s.Suffix, "??????")}
		m.lockSecret(partition, account, s, arn.String())
		m.tagged(arn.String(), s.Tags)
		r := prove.ResourcePolicy{ARNs: []string{arn.String()}, Account: account, Policy: policy.Named{Name: "secret " + s.Name}}
		if err := m.addResource(r, s.Name, s.Policy.Text()); err != nil {
			return err
		}
	}
	for i := range a.Buckets {
		b := &a.Buckets[i]
		arn := aws.PartitionARN(partition, "s3", "", b.Name)
		m.lockObjects(partition, account, b, arn)
		r := prove.ResourcePolicy{ARNs: []string{arn, arn + "/*"}, Account: account, Policy: policy.Named{Name: "bucket " + b.Name}}
		if err := m.addResource(r, b.Name, b.Policy.Text()); err != nil {
			return err
		}
	}
	return nil
}

// addKey adds a KMS key, whose policy decides. AWS's default one leaves it to the
// account's own policies.
func (m *Model) addKey(partition, account string, k *statefile.KMSKey) error {
	text := k.Policy.Text()
	if text == "" && m.unread(account, k.ID) == "" {
		root := aws.PartitionARN(partition, "iam", account, "root")
		text = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + root + `"},"Action":"kms:*","Resource":"*"}]}`
	}
	arn := keyARN(partition, account, k)
	m.tagged(arn, k.Tags)
	return m.addResource(prove.ResourcePolicy{ARNs: []string{arn}, Account: account, Decides: true, Policy: policy.Named{Name: "key " + arn}}, k.ID, text)
}

// tagged notes the tags of a resource, of which nil are none.
func (m *Model) tagged(arn string, tags map[string]string) {
	if tags == nil {
		tags = map[string]string{}
	}
	m.Tagged = append(m.Tagged, prove.Tagged{ARN: arn, Tags: tags})
}

func keyARN(partition, account string, k *statefile.KMSKey) string {
	id := k.ID
	if id == "" && len(k.Aliases) > 0 {
		id = strings.ReplaceAll(k.Aliases[0], "/", "-") // nobody writes an ID that nothing gives
	}
	return aws.ARN{Partition: partition, Service: "kms", Region: region(k.Region), Account: account, Resource: "key/" + id}.String()
}

func region(name string) string { return cmp.Or(name, "*") }

// declaredKey is the ARN of a key by its ID, alias or ARN; "" for one that is not
// declared, or AWS's own.
func (m *Model) declaredKey(partition, account, name, in string) string {
	if parts, ok := aws.SplitARN(name); ok {
		in, account, name = parts[3], parts[4], parts[5]
	}
	name = strings.TrimPrefix(name, "key/")
	for i := range m.state.Accounts[account].KMSKeys {
		k := &m.state.Accounts[account].KMSKeys[i]
		if (k.Region == "" || in == "*" || k.Region == in) && (k.ID != "" && k.ID == name || slices.Contains(k.Aliases, name)) {
			return keyARN(partition, account, k)
		}
	}
	return ""
}

// lockSecret says which key a secret is under.
func (m *Model) lockSecret(partition, account string, s *statefile.Secret, arn string) {
	if slices.ContainsFunc(s.Versions, func(v statefile.SecretVersion) bool { return len(v.KMSKeyIDs) > 0 }) {
		return // some are under other keys
	}
	if key := m.declaredKey(partition, account, s.KMSKeyID, region(s.Region)); key != "" {
		m.Locked = append(m.Locked, prove.Locked{
			ARN: arn, Reads: []string{"secretsmanager:GetSecretValue"}, Writes: []string{"secretsmanager:PutSecretValue"}, KeyARN: key, Service: "secretsmanager",
		})
	}
}

// unread is where a resource's policy is written that is not known; "" when it is.
func (m *Model) unread(account, name string) string {
	return m.found.UnreadResources[account+"/"+strings.ToLower(name)]
}

// addResource adds a resource with the text of its policy, which may be empty; the
// sources have it by the name.
func (m *Model) addResource(r prove.ResourcePolicy, name, text string) error {
	r.Policy.Type, r.Policy.Document, r.Unread = policy.ResourcePolicy, &policy.Document{}, m.unread(r.Account, name)
	if text != "" {
		var err error
		if r.Policy.Document, err = policy.Parse([]byte(text)); err != nil {
			return fmt.Errorf("the policy of %s: %w", r.Policy.Name, err)
		}
	} else if r.Unread == "" && len(m.state.Accounts) == 1 {
		return nil
	}
	m.Resources = append(m.Resources, r)
	return nil
}

// lockObjects says which keys a bucket's objects are under.
func (m *Model) lockObjects(partition, account string, b *statefile.Bucket, arn string) {
	for _, name := range slices.Sorted(maps.Keys(b.Objects)) {
		e := b.Objects[name].Encryption
		if e == nil || e.SSEKMSKeyID == "" || strings.ContainsAny(name, "*?") {
			continue
		}
		if key := m.declaredKey(partition, account, e.SSEKMSKeyID, region(b.Region)); key != "" {
			m.Locked = append(m.Locked, prove.Locked{ARN: arn + "/" + name, Reads: []string{"s3:GetObject"}, KeyARN: key, Service: "s3"})
		}
	}
}
