package policy

import (
	"fmt"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/hint"
)

// inPartition refuses a valid identity policy whose resources are of another
// partition than the account's, as IAM does in China and GovCloud
// (kubernetes-sigs/aws-load-balancer-controller#1557, aws/copilot-cli#2563). What
// IAM says of foreign partitions in "aws" is not known: there they pass, as they do
// when the partition is not known.
func inPartition(doc *Document, err error, partition string) (*Document, error) {
	if err != nil || partition == "" || partition == aws.DefaultPartition {
		return doc, err
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
			return nil, e
		}
	}
	return doc, nil
}

// foreignTo says what is wrong with an AWS principal of another partition than the
// account's; "" when nothing is, or when the account's is not known.
func foreignTo(partition, principal string) string {
	if its := aws.PartitionIn(principal); partition != "" && its != "" && its != partition {
		return "it is of the partition " + its + " and the account of " + partition + ": write arn:" + partition + ":…, or take it away"
	}
	return ""
}
