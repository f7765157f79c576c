// Package accessanalyzer is IAM Access Analyzer as far as it judges documents by
// themselves: ValidatePolicy, and the custom policy checks CheckNoNewAccess,
// CheckAccessNotGranted and CheckNoPublicAccess (restJson 1, signing name
// access-analyzer). Package prove decides.
//
// Analyzers, findings and archive rules, which watch an account, answer
// NotImplemented.
package accessanalyzer

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/prove"
	"github.com/irsa-emu/irsa-emu/term"
	"github.com/irsa-emu/irsa-emu/wire"
)

// Name is the signing name.
const Name = "access-analyzer"

// Service answers the calls of Access Analyzer. It keeps nothing.
type Service struct{ description *api.Description }

// New makes a Service.
func New() *Service { return &Service{Description()} }

// Description is what the service says of itself.
func Description() *api.Description {
	actions := map[string]bool{}
	var paths []string
	for path, o := range operations {
		actions[o.name] = true
		paths = append(paths, "POST "+path)
	}
	for _, name := range watching {
		actions[name] = false
	}
	slices.Sort(paths)
	return &api.Description{
		Name: Name, Title: "Access Analyzer", Protocol: wire.RESTJSON{Action: actionOf}, Hosts: []string{Name, Name + "-fips"}, Paths: paths, Actions: actions,
		Internal: *wire.Errorf(http.StatusInternalServerError, "InternalServerException", "An internal error occurred."),
	}
}

// Describe says what the service is.
func (s *Service) Describe() *api.Description { return s.description }

// operations are those that are served, by their paths (API model 2019-11-01).
var operations = map[string]struct {
	name string
	do   func(body []byte, query url.Values) (any, error)
}{
	"/policy/validation":               {"ValidatePolicy", validatePolicy},
	"/policy/check-no-new-access":      {"CheckNoNewAccess", checkNoNewAccess},
	"/policy/check-access-not-granted": {"CheckAccessNotGranted", checkAccessNotGranted},
	"/policy/check-no-public-access":   {"CheckNoPublicAccess", checkNoPublicAccess},
}

// watching are operations that watch an account, by method and path: known, and
// not served.
var watching = map[string]string{
	"PUT /analyzer": "CreateAnalyzer", "GET /analyzer": "ListAnalyzers", "PUT /access-preview": "CreateAccessPreview", "GET /access-preview": "ListAccessPreviews",
	"POST /finding": "ListFindings", "PUT /finding": "UpdateFindings", "POST /findingv2": "ListFindingsV2", "POST /analyzed-resource": "ListAnalyzedResources",
	"PUT /policy/generation": "StartPolicyGeneration", "GET /policy/generation": "ListPolicyGenerations", "POST /resource/scan": "StartResourceScan",
	"PUT /archive-rule": "ApplyArchiveRule",
}

// actionOf names the operation that a request asks for, "" for none that Access
// Analyzer has.
func actionOf(r *http.Request) string {
	if o, ok := operations[r.URL.Path]; ok && r.Method == http.MethodPost {
		return o.name
	}
	return watching[r.Method+" "+strings.TrimSuffix(r.URL.Path, "/")]
}

// Serve answers one call.
func (s *Service) Serve(w http.ResponseWriter, req *api.Request) error {
	name := Name + ":" + actionOf(req.HTTP)
	if d := req.Authorize(api.Access{Action: name, Resource: "*"}); !d.Allowed {
		return api.Denied(d, wire.Errorf(http.StatusForbidden, "AccessDeniedException", "%s", api.DenialText(req.Principal, d, name, "*")))
	}
	result, err := operations[req.HTTP.URL.Path].do(req.Body, req.HTTP.URL.Query())
	if err != nil {
		return err
	}
	wire.WriteRESTJSON(w, req.Call, http.StatusOK, result)
	return nil
}

// invalid is a parameter that the service refuses.
func invalid(format string, args ...any) error {
	return api.Fail(http.StatusBadRequest, "ValidationException", format, args...)
}

func decode(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return api.Fail(http.StatusBadRequest, "ValidationException", "The request body is not valid.").Because("%v", term.JSON(err))
	}
	return nil
}

// document parses a parameter that is a policy.
func document(name, text string) (*policy.Document, error) {
	if text == "" {
		return nil, invalid("1 validation error detected: Value at '%s' failed to satisfy constraint: Member must not be null", name)
	}
	doc, err := policy.Parse([]byte(text))
	if err != nil {
		return nil, api.Fail(http.StatusBadRequest, "InvalidParameterException", "The %s is not a valid policy: %v", name, err)
	}
	return doc, nil
}

func oneOf(name, value string, values ...string) error {
	for _, v := range values {
		if v == value {
			return nil
		}
	}
	return invalid("1 validation error detected: Value at '%s' failed to satisfy constraint: Member must satisfy enum value set: [%s]", name, strings.Join(values, ", "))
}

// result is the answer of the three checks.
type result struct {
	Result  string   `json:"result"`
	Message string   `json:"message"`
	Reasons []reason `json:"reasons"`
}

type reason struct {
	Description    string `json:"description"`
	StatementIndex int    `json:"statementIndex"`
	StatementID    string `json:"statementId,omitempty"`
}

// words are a check's texts: of PASS, of FAIL, and of a reason up to its place.
type words struct{ pass, fail, reason string }

func (w words) result(found []prove.Reason, err error) (any, error) {
	if err != nil {
		if prove.TooComplex(err) {
			return nil, api.Fail(http.StatusUnprocessableEntity, "UnprocessableEntityException", "The policy could not be analyzed: %v.", err)
		}
		return nil, errors.Join(errors.New("comparing policies"), err)
	}
	r := result{Result: "PASS", Message: w.pass, Reasons: []reason{}}
	for _, f := range found {
		r.Result, r.Message = "FAIL", w.fail
		one := reason{StatementIndex: f.Statement, StatementID: f.Sid}
		if f.Sid != "" {
			one.Description = w.reason + " with sid: " + f.Sid + "."
		} else {
			one.Description = w.reason + " with index: " + itoa(f.Statement) + "."
		}
		r.Reasons = append(r.Reasons, one)
	}
	return r, nil
}

func checkNoNewAccess(body []byte, _ url.Values) (any, error) {
	var in struct{ NewPolicyDocument, ExistingPolicyDocument, PolicyType string }
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	if err := oneOf("policyType", in.PolicyType, "IDENTITY_POLICY", "RESOURCE_POLICY"); err != nil {
		return nil, err
	}
	existing, err := document("existingPolicyDocument", in.ExistingPolicyDocument)
	if err != nil {
		return nil, err
	}
	now, err := document("newPolicyDocument", in.NewPolicyDocument)
	if err != nil {
		return nil, err
	}
	return words{
		"The modified permissions do not grant new access compared to your existing policy.",
		"The modified permissions grant new access compared to your existing policy.",
		"New access in the statement",
	}.result(prove.NewAccess(existing, now))
}

func checkAccessNotGranted(body []byte, _ url.Values) (any, error) {
	var in struct {
		PolicyDocument, PolicyType string
		Access                     []struct{ Actions, Resources []string }
	}
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	if err := oneOf("policyType", in.PolicyType, "IDENTITY_POLICY", "RESOURCE_POLICY"); err != nil {
		return nil, err
	}
	if len(in.Access) == 0 {
		return nil, invalid("1 validation error detected: Value at 'access' failed to satisfy constraint: Member must not be null")
	}
	var wanted []prove.Wanted
	for _, a := range in.Access {
		if len(a.Actions) == 0 && len(a.Resources) == 0 {
			return nil, api.Fail(http.StatusBadRequest, "InvalidParameterException", "Either actions or resources must be specified in access.")
		}
		for _, action := range a.Actions {
			if action != "*" && strings.Count(action, ":") != 1 {
				return nil, api.Fail(http.StatusBadRequest, "InvalidParameterException", "The action %s is not valid; write SERVICE:ACTION.", action)
			}
		}
		wanted = append(wanted, prove.Wanted(a))
	}
	doc, err := document("policyDocument", in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	return words{
		"The policy document does not grant access to perform one or more of the listed actions.",
		"The policy document grants access to perform one or more of the listed actions.",
		"One or more of the listed actions in the statement",
	}.result(prove.Granted(doc, wanted))
}

// publicResources are those of CheckNoPublicAccess (API model 2019-11-01,
// AccessCheckResourceType).
var publicResources = []string{
	"AWS::DynamoDB::Table", "AWS::DynamoDB::Stream", "AWS::EFS::FileSystem", "AWS::OpenSearchService::Domain", "AWS::Kinesis::Stream",
	"AWS::Kinesis::StreamConsumer", "AWS::KMS::Key", "AWS::Lambda::Function", "AWS::S3::Bucket", "AWS::S3::AccessPoint",
	"AWS::S3Express::DirectoryBucket", "AWS::S3::Glacier", "AWS::S3Outposts::Bucket", "AWS::S3Outposts::AccessPoint",
	"AWS::SecretsManager::Secret", "AWS::SNS::Topic", "AWS::SQS::Queue", trustResource, "AWS::S3Tables::TableBucket",
	"AWS::ApiGateway::RestApi", "AWS::CodeArtifact::Domain", "AWS::Backup::BackupVault", "AWS::CloudTrail::Dashboard",
	"AWS::CloudTrail::EventDataStore", "AWS::S3Tables::Table", "AWS::S3Express::AccessPoint",
}

func checkNoPublicAccess(body []byte, _ url.Values) (any, error) {
	var in struct{ PolicyDocument, ResourceType string }
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	if err := oneOf("resourceType", in.ResourceType, publicResources...); err != nil {
		return nil, err
	}
	doc, err := document("policyDocument", in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	return words{
		"The resource policy does not grant public access for the given resource type.",
		"The resource policy grants public access for the given resource type.",
		"Public access granted in the following statement",
	}.result(prove.Public(doc))
}
