package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/decision"
	"github.com/irsa-emu/irsa-emu/oidc"
)

// sessionName is what CloudTrail shows of the doctor.
const sessionName = "irsa-emu-doctor"

// assumption is what came of AssumeRoleWithWebIdentity.
type assumption struct {
	arn         string // of the session; empty when there is none
	until       time.Time
	credentials aws.CredentialsProvider

	err           error  // no answer came
	code, message string // the refusal
	decision      *decision.Decision
	decisionErr   error
}

// assume makes the call that the pod's SDK makes, once. Nil: it cannot be made.
func (x *examination) assume(ctx context.Context) *assumption {
	if x.podIdentity {
		return x.assumeForPod(ctx)
	}
	if x.assumed != nil || x.token == "" || x.role.arn == "" || x.Emulator == nil && !x.AWS {
		return x.assumed
	}
	ctx, cancel := context.WithTimeout(ctx, 2*callTimeout)
	defer cancel()
	a := new(assumption)
	x.assumed = a
	out, err := x.sts(aws.AnonymousCredentials{}).AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: &x.role.arn, RoleSessionName: aws.String(sessionName), WebIdentityToken: &x.token,
	})
	if err == nil {
		c := out.Credentials
		a.arn, a.until = aws.ToString(out.AssumedRoleUser.Arn), aws.ToTime(c.Expiration)
		a.credentials = credentials.NewStaticCredentialsProvider(aws.ToString(c.AccessKeyId), aws.ToString(c.SecretAccessKey), aws.ToString(c.SessionToken))
		return a
	}
	a.refused(ctx, x, err)
	return a
}

// refused notes why there are no credentials: no answer, or AWS's and what the
// emulator's decision says of it.
func (a *assumption) refused(ctx context.Context, x *examination, err error) {
	var api smithy.APIError
	if !errors.As(err, &api) {
		a.err = plain(err)
		return
	}
	a.code, a.message = api.ErrorCode(), api.ErrorMessage()
	var response *awshttp.ResponseError
	if x.Emulator != nil && errors.As(err, &response) {
		a.decision, a.decisionErr = ask(ctx, x, func(c *control.Client, ctx context.Context) (*decision.Decision, error) {
			return c.Decision(ctx, response.ServiceRequestID())
		})
	}
}

// plain takes off what the SDK wraps around a connection that failed.
func plain(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed
	}
	return err
}

// sts is a client of the STS that is asked. It does not retry: what is refused
// stays so, and what does not answer is to be said.
func (x *examination) sts(who aws.CredentialsProvider) *sts.Client {
	config := aws.Config{Region: x.region(), Credentials: who, RetryMaxAttempts: 1, HTTPClient: x.HTTP}
	switch {
	case x.Emulator != nil && !x.AWS:
		config.BaseEndpoint = &x.Emulator.URL
	case x.STS != "":
		config.BaseEndpoint = &x.STS
	}
	return sts.NewFromConfig(config)
}

// reason is why the emulator refused, in one line.
func (a *assumption) reason() string {
	if a.decision == nil || a.decision.Reason == nil {
		return a.code + ": " + a.message
	}
	return a.decision.Reason.Message
}

func (x *examination) credentials(ctx context.Context) Link {
	a := x.assume(ctx)
	switch {
	case a == nil && x.podIdentity && x.boundPod() == nil && !x.AWS:
		return unknown("no pod of the service account is running, and EKS takes no token that is bound to none")
	case a == nil:
		return unknown("not asked for")
	case a.arn != "":
		return ok("a session until " + a.until.UTC().Format(time.RFC3339))
	case a.err != nil:
		return broken(x.asked() + " gave no answer: " + a.err.Error())
	case x.AWS:
		return x.byAWS(ctx, linkCredentials, "")
	case x.broken != "": // that is why
		return unknown(fmt.Sprintf("%s answers %s: %s", x.asked(), a.code, a.message))
	}
	link := broken(a.reason()).because(fmt.Sprintf("%s answers %s: %s", x.asked(), a.code, a.message))
	switch {
	case x.clockSet && a.decision != nil && slices.Contains(timely, a.decision.Reason.Kind):
		return x.resetClock(link)
	case a.decision != nil && a.decision.Reason != nil && a.decision.Reason.Advice() != "":
		link.Fix = []string{note(a.decision.Reason.Advice())}
	}
	return link
}

// asked is who gives credentials.
func (x *examination) asked() string {
	if x.podIdentity {
		return "EKS Auth"
	}
	return "the STS"
}

// timely are the reasons that a clock is to blame for: the token is fresh.
var timely = []string{string(oidc.ReasonExpired), string(oidc.ReasonIssuedInFuture), string(oidc.ReasonNotYetValid)}

func (x *examination) resetClock(link Link) Link {
	emulator := x.Emulator.URL
	if x.forwarded() {
		link.Fix, emulator = x.pointAWS()[:1], control.DefaultURL
	}
	link.Fix = append(link.Fix, fmt.Sprintf(x.curl()+` -X POST -d '{"reset": true}' %s/_emu/clock`, emulator))
	return link.because("the token is fresh: it is the emulator's clock that was set")
}

// callerIdentity uses the credentials.
func (x *examination) callerIdentity(ctx context.Context) Link {
	a := x.assumed
	if a == nil || a.arn == "" {
		return unknown("there are no credentials")
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := x.sts(a.credentials).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return broken("GetCallerIdentity with the credentials: " + plain(err).Error())
	}
	arn := aws.ToString(out.Arn)
	want := fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", x.role.partition, x.role.account, x.role.name, sessionName)
	if x.podIdentity { // EKS makes the session's name, and a target role may be another
		want = a.arn
	}
	if arn != want {
		return broken(fmt.Sprintf("GetCallerIdentity says %s, not %s", arn, want))
	}
	return ok(arn)
}
