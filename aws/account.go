package aws

import "strings"

// What is taken when nothing is said.
const (
	// DefaultAccount is the account of AWS's own examples.
	DefaultAccount = "111122223333"
	// DefaultRegion is where calls belong that name no region.
	DefaultRegion = "us-east-1"
	// DefaultPartition is the partition of DefaultRegion.
	DefaultPartition = "aws"
	// DefaultAudience is the audience of tokens for AWS.
	DefaultAudience = "sts.amazonaws.com"
	// ChinaAudience is what some tools have registered in China, where EKS's webhook
	// asks for DefaultAudience too; SlipAudience is a common misspelling.
	ChinaAudience = DefaultAudience + ".cn"
	SlipAudience  = "sts.amazon.com"
)

// TimeLayout is how AWS writes times in condition keys and in XML: UTC, in seconds.
const TimeLayout = "2006-01-02T15:04:05Z"

// IsAccount says whether s is an account's id: twelve digits.
func IsAccount(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

// IsRegion says whether s has the form of a region's name, such as us-west-2,
// whether or not AWS has that region: two to five letters, words, and a number. No
// regular expression: the STS asks it several times a call.
func IsRegion(s string) bool {
	first, rest, _ := strings.Cut(s, "-")
	last := strings.LastIndexByte(rest, '-')
	if len(s) > 63 || len(first) < 2 || len(first) > 5 || last < 0 || !isOf(first, 'a', 'z') || !isOf(rest[last+1:], '0', '9') {
		return false
	}
	for word := range strings.SplitSeq(rest[:last], "-") {
		if !isOf(word, 'a', 'z') {
			return false
		}
	}
	return true
}

// isOf says whether s is of characters from first to last, and not empty.
func isOf(s string, first, last byte) bool {
	for i := range len(s) {
		if s[i] < first || s[i] > last {
			return false
		}
	}
	return s != ""
}
