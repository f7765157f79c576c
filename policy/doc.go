// Package policy is the IAM policy language: it parses documents, validates
// them at the write with AWS's own texts, and evaluates requests against them.
//
// The two functions to know are [Parse], which does all the work that can be
// done once (matchers, operators and variables are compiled), and [Evaluate],
// which decides one request. Its [Decision] is the verdict and the full
// explanation in one value: every statement of every policy and every condition
// of every statement is judged, also when the verdict is clear before.
// [Explain] renders that value for people.
//
// [ValidateTrust], [ValidateIdentity], [ValidateResource] and [ValidateSession]
// stand where IAM and STS refuse a document at the write.
// Package lint is for people who hold a trust policy that AWS accepts but that does
// not do what they mean.
//
// The package is pure: no clock, no I/O, no state. It knows nothing of roles,
// tokens or sessions; whoever calls it turns those into a [Request]. Service
// control policies, resource control policies and VPC endpoint policies are not
// part of it.
//
// It follows the IAM user guide's "Grammar of the IAM JSON policy language",
// "IAM JSON policy elements" and "Policy evaluation logic"; where answers
// recorded from AWS differ from the guide, the recorded answers win and the
// comment says so.
package policy
