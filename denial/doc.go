// Package denial explains why AWS refused the call of a CloudTrail event, from
// the event and the policies that people have at hand.
//
// An event does not carry all that AWS looked at: of a web identity it has the
// subject and the audience and no other claim, of a refused AssumeRole often no
// parameter. So a condition is true, false, or unknown. [Explain] says that the
// policies refuse the call for reasons that are known, or names the statement and
// the key on which it hangs and that the event does not have, or says that the
// policies would allow the call, and what then is likely to be different on AWS.
//
// It is pure, and reads records of AWS's and of the emulator's own --cloudtrail
// alike. Service control policies, resource control policies and policies of VPC
// endpoints are not among the sources; where the event names one, that is said.
package denial
