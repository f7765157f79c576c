package aws

import (
	"regexp"
	"strings"
)

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
)

// IsAccount says whether s is an account's id: twelve digits.
func IsAccount(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

var regionForm = regexp.MustCompile(`^[a-z]{2,5}(-[a-z]+)+-\d+$`)

// IsRegion says whether s has the form of a region's name, such as us-west-2,
// whether or not AWS has that region.
func IsRegion(s string) bool { return len(s) <= 63 && regionForm.MatchString(s) }
