// Package aws is AWS's vocabulary: ARNs, partitions, accounts, regions, tags and
// the issuers that AWS knows, each with what irsa-emu takes for granted when
// nothing is said. It knows no service's rules and imports nothing of ours.
package aws
