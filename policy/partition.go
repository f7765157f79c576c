package policy

import (
	"fmt"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/hint"
)

// InPartition refuses a valid identity policy whose resources are of another
// partition than the account's, as IAM does in China and GovCloud
// (kubernetes-sigs/aws-load-balancer-controller#1557, aws/copilot-cli#2563). What
// IAM says of foreign partitions in "aws", the empty one, is not known: there
// they pass. The error is a [*ValidationError].
func InPartition(doc *Document, partition string) error {
	if partition == "" || partition == aws.DefaultPartition {
		return nil
	}
	for i := range doc.Statements {
		s := &doc.Statements[i]
		for _, r := range s.Resources.Values {
			parts, ok := aws.SplitARN(r)
			if _, known := aws.PartitionByID(parts[1]); !ok || !known || parts[1] == partition {
				continue
			}
			e := &ValidationError{
				Code: CodeMalformed, Message: fmt.Sprintf(`Partition "%s" is not valid for resource "%s".`, parts[1], r),
				Hint: hint.Hint{
					Code: "other-partition", Message: "the account is in the partition " + partition,
					Fix: "write arn:" + partition + ":…",
				},
			}
			e.Line, e.Column = s.Start.Line, s.Start.Column
			return e
		}
	}
	return nil
}
