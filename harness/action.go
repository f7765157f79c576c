package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/irsa-emu/irsa-emu/control"
	"github.com/irsa-emu/irsa-emu/decision"
)

// Action is what a step does. Those of this package are all that there are.
type Action interface {
	// Needs are the optional powers of the cluster that the action uses.
	Needs() []Need
	// After are the names of earlier steps whose results it uses.
	After() []string
	// Changes reports whether later steps may see something else because of it.
	Changes() bool
	perform(context.Context, *stage) (*outcome, error)
}

// outcome is what came of an action. It met what was expected of it when it
// has no mismatches.
type outcome struct {
	summary    string
	mismatches []Mismatch
	decision   *decision.Decision
	session    *session
	skip       string // why it could not be tried at all
	output     []file // what the command wrote, for the logs
}

type file struct {
	name    string
	content []byte
}

// session is what an assume step got, for later steps.
type session struct {
	credentials aws.Credentials
	token       string // the web identity token that it was got with
}

// stage is where one scenario plays.
type stage struct {
	config   *Config
	scenario *Scenario
	cluster  Cluster
	control  *control.Client
	region   string
	account  string
	sessions map[string]*session
}

// awsConfig is an SDK configuration for credentials; nil credentials sign nothing.
func (s *stage) awsConfig(provider aws.CredentialsProvider, region string) aws.Config {
	if region == "" {
		region = s.region
	}
	return aws.Config{
		Region: region, BaseEndpoint: aws.String(s.cluster.URL()), Credentials: provider, HTTPClient: s.control.HTTP,
		// A refusal is an answer: it is looked at, not asked for again.
		Retryer: func() aws.Retryer { return retry.AddWithMaxAttempts(aws.NopRetryer{}, 1) },
	}
}

// administrator are the credentials of an account's root user.
func (s *stage) administrator(account string) aws.CredentialsProvider {
	if account == "" {
		account = s.account
	}
	return credentials.NewStaticCredentialsProvider(account, s.config.AdminSecret, "")
}

// of are the credentials that an earlier step got.
func (s *stage) of(step string) (aws.CredentialsProvider, error) {
	got, ok := s.sessions[step]
	if !ok || !got.credentials.HasKeys() {
		return nil, fmt.Errorf("step %q got no credentials", step)
	}
	return credentials.StaticCredentialsProvider{Value: got.credentials}, nil
}

// explain fetches why the emulator answered as it did. A cluster may answer
// requests that the emulator did not see, so that none is no failure.
func (s *stage) explain(ctx context.Context, a *answer) *decision.Decision {
	if a.requestID == "" {
		return nil
	}
	d, err := s.control.Decision(ctx, a.requestID)
	if err != nil {
		return nil
	}
	return d
}

// judge holds an answer against what is expected of it. Success is checked by
// the caller, through allowed.
func (s *stage) judge(ctx context.Context, a *answer, want *Refusal, allowed func() []Mismatch) *outcome {
	o := &outcome{}
	if a.refused() || want.Error != "" {
		o.decision = s.explain(ctx, a)
	}
	switch {
	case a.refused() && want.Error == "":
		o.mismatches = append(o.mismatches, Mismatch{"answer", "allowed", a.code + ": " + a.message})
	case !a.refused() && want.Error != "":
		o.mismatches = append(o.mismatches, Mismatch{"answer", "refused with " + want.Error, "allowed"})
	case a.refused():
		o.mismatches = compare(o.mismatches, "error", want.Error, a.code)
		o.mismatches = compare(o.mismatches, "message", want.Message, a.message)
		if want.Because != nil {
			if o.decision == nil {
				o.mismatches = append(o.mismatches, Mismatch{"because", "a reason", "the emulator has no decision of request " + a.requestID})
			} else {
				o.mismatches = append(o.mismatches, want.Because.mismatches(o.decision)...)
			}
		}
	default:
		o.mismatches = allowed()
	}
	if a.refused() {
		o.summary = a.code
		if o.decision != nil {
			if line := reasonLine(o.decision); line != "" {
				o.summary += ": " + line
			}
		} else if a.message != "" {
			o.summary += ": " + a.message
		}
	}
	if len(o.mismatches) > 0 && o.decision == nil {
		o.decision = s.explain(ctx, a)
	}
	return o
}

// token requests the web identity token of an identity.
func (s *stage) token(ctx context.Context, id Identity) (string, error) {
	ofCluster := id.Subject == "" && id.Profile == "" &&
		(id.Issuer == "" || id.Issuer == s.scenario.issuer() || slices.Contains(s.scenario.Spec.Cluster.Others, id.Issuer))
	if !ofCluster {
		return signToken(ctx, s.control, control.TokenRequest{
			Issuer: id.Issuer, ServiceAccount: id.ServiceAccount, Subject: id.Subject, Profile: id.Profile, Pod: id.Pod,
			Audience: id.Audience, ExpiresInSeconds: int64(time.Duration(id.TokenLife) / time.Second), Claims: id.claims(),
		})
	}
	issuer := id.Issuer
	if issuer == s.scenario.issuer() {
		issuer = ""
	}
	return s.cluster.Token(ctx, TokenRequest{
		Issuer: issuer, ServiceAccount: id.ServiceAccount, Pod: id.Pod, StandIn: id.standIn, Audience: id.Audience, ExpiresIn: time.Duration(id.TokenLife), Claims: id.claims(),
	})
}

// sessionName is what sessions are called whose step does not say: the scenario.
func (s *stage) sessionName() string {
	name := s.scenario.Metadata.Name
	return name[:min(len(name), 64)]
}

// unwrapContext prefers the context's own reason over that of a client which
// met it: "step took longer than" reads better than a cancelled request.
func unwrapContext(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w (%v)", cause, err)
	}
	return err
}

func join(names []string) string { return strings.Join(names, ", ") }

func nonEmpty(names ...string) []string {
	return slices.DeleteFunc(names, func(s string) bool { return s == "" })
}
