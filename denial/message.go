package denial

import (
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
)

var (
	notAuthorized = lazyregexp.New(`is not authorized to perform: ([\w-]+:[\w*]+)(?: on resource: "?([^"\s]+)"?)?`)
	because       = lazyregexp.New(`because no ([\w -]+?) allows the `)
	explicitDeny  = lazyregexp.New(`with an explicit deny in (?:an?|the) ([\w -]+?policy|permissions boundary)(?:: (arn:\S+))?`)
)

// said is what the error message itself names: the action, the resource, and the
// kind of policy that decided.
func (e *Event) said() (action, resource, by string) {
	if m := notAuthorized.FindStringSubmatch(e.ErrorMessage); m != nil {
		action, resource = m[1], strings.TrimSuffix(m[2], ".")
	}
	if m := because.FindStringSubmatch(e.ErrorMessage); m != nil {
		by = m[1]
	}
	if m := explicitDeny.FindStringSubmatch(e.ErrorMessage); m != nil {
		by = m[1]
	}
	return action, resource, by
}

// denyingPolicy is the ARN of the policy that the message says denies; "" if none.
func (e *Event) denyingPolicy() string {
	if m := explicitDeny.FindStringSubmatch(e.ErrorMessage); m != nil {
		return strings.TrimRight(m[2], ".")
	}
	return ""
}

// prefixes are the IAM prefixes of event sources that are called otherwise.
var prefixes = map[string]string{
	"monitoring": "cloudwatch", "tagging": "tag", "email": "ses", "elasticmapreduce": "elasticmapreduce", "application-autoscaling": "application-autoscaling",
}

// action is what the call needed: the operation's, unless the message names
// another one, which is then the interesting one (iam:PassRole, s3:ListBucket).
func (e *Event) action() string {
	service, _, _ := strings.Cut(e.EventSource, ".")
	if p := prefixes[service]; p != "" {
		service = p
	}
	own := service + ":" + e.EventName
	action, _, _ := e.said()
	if action == "" || strings.EqualFold(action, own) {
		return own
	}
	return action
}

// resource is what the call was about, as far as the event says it.
func (e *Event) resource() string {
	if _, resource, _ := e.said(); resource != "" {
		return resource
	}
	for _, r := range e.Resources {
		if r.ARN != "" {
			return r.ARN
		}
	}
	if bucket := e.parameter("bucketName"); bucket != "" {
		arn := aws.PartitionARN("", "s3", "", bucket)
		if key := e.parameter("key"); key != "" {
			arn += "/" + key
		}
		return arn
	}
	return "*"
}
