package iam

import (
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/state"
)

// Account is what is known of an account itself. One that has no entry is in the
// partition of the emulator's region.
type Account struct {
	ID        string `json:"id"`
	Partition string `json:"partition"`
}

// everyAccount is the entry for accounts that have none of their own.
const everyAccount = "default"

// StateKey is the account's id.
func (a *Account) StateKey() string { return a.ID }

// Partition is the partition that an account is in.
func Partition(r state.Reader, account string) string {
	for _, id := range [...]string{account, everyAccount} {
		if a, ok := state.Get[*Account](r, id); ok {
			return a.Partition
		}
	}
	return aws.DefaultPartition
}

// SetPartition sets the partition of accounts that have none of their own.
func SetPartition(tx *state.Txn, partition string) {
	if Partition(tx, everyAccount) != partition {
		tx.Put(&Account{everyAccount, partition})
	}
}

// setPartition puts an account into a partition. An account that holds something
// stays where it is: its ARNs are what others know it by.
func setPartition(tx *state.Txn, account, partition string) error {
	now := Partition(tx, account)
	if now == partition {
		return nil
	}
	if Holds(tx, account) {
		return invalidInput("the account is in the partition %s already, and holds something: it cannot be moved to %s", now, partition)
	}
	tx.Put(&Account{account, partition})
	return nil
}

// Holds says whether an account holds any IAM entity.
func Holds(r state.Reader, account string) bool {
	return count[*OIDCProvider](r, account)+count[*Role](r, account)+count[*Policy](r, account)+count[*User](r, account)+
		count[*Group](r, account)+count[*InstanceProfile](r, account) > 0
}

// storedPartition is an account's partition as its entities keep it: most are in
// "aws", which is left out.
func storedPartition(r state.Reader, account string) string {
	if p := Partition(r, account); p != aws.DefaultPartition {
		return p
	}
	return ""
}

// arn is an ARN of IAM's; a partition that was not stored is "aws".
func arn(partition, account, resource string) string {
	return aws.PartitionARN(partition, "iam", account, resource)
}

// RootARN is the ARN of an account's root user.
func RootARN(r state.Reader, account string) string {
	return arn(Partition(r, account), account, "root")
}
