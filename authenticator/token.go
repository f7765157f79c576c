package authenticator

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
)

const (
	tokenPrefix = "k8s-aws-v1."
	// maxToken is aws-iam-authenticator's: session tokens are long.
	maxToken = 4096
	// clusterHeader is signed, so that a token is for one cluster.
	clusterHeader = "x-k8s-aws-id"
	callerAction  = "GetCallerIdentity"
	// maxAnswer bounds what is read of the STS.
	maxAnswer = 64 << 10
)

// presigned is the request that a token stands for.
type presigned struct {
	host, query, accessKey string
}

// parameters are all that such a request may have: it is sent on with the
// authenticator's own rights to reach the STS.
var parameters = []string{
	"action", "version", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-security-token", "x-amz-signature", "x-amz-signedheaders",
}

// parseToken reads a token, and takes only what asks who the caller is.
func parseToken(token string) (*presigned, error) {
	encoded, ok := strings.CutPrefix(token, tokenPrefix)
	switch {
	case !ok:
		return nil, fmt.Errorf("it does not begin with %s; aws eks get-token makes one that does", tokenPrefix)
	case len(token) > maxToken:
		return nil, fmt.Errorf("it has %d characters, and more than %d are not taken", len(token), maxToken)
	}
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("what follows %s is not base64url: %w", tokenPrefix, err)
	}
	location, err := url.Parse(string(text))
	if err != nil {
		return nil, errors.New("it holds no URL") // the error would show the URL, which is a secret
	}
	query, err := url.ParseQuery(location.RawQuery)
	switch {
	case location.Scheme != "https" && location.Scheme != "http", location.Host == "", location.User != nil:
		return nil, errors.New("it holds no URL of an STS")
	case location.Path != "/" && location.Path != "":
		return nil, fmt.Errorf("its URL has the path %q", location.Path)
	case err != nil:
		return nil, errors.New("the parameters of its URL cannot be read")
	}
	values := map[string]string{}
	for name, given := range query {
		lower := strings.ToLower(name)
		if _, twice := values[lower]; twice || len(given) != 1 {
			return nil, fmt.Errorf("its URL has %s more than once", name)
		}
		if !slices.Contains(parameters, lower) {
			return nil, fmt.Errorf("its URL has the parameter %q, which is none of %s", name, callerAction)
		}
		values[lower] = given[0]
	}
	if values["action"] != callerAction {
		return nil, fmt.Errorf("its action is %q, not %s", values["action"], callerAction)
	}
	if !slices.Contains(strings.Split(strings.ToLower(values["x-amz-signedheaders"]), ";"), clusterHeader) {
		return nil, fmt.Errorf("the header %s, which names the cluster, is not signed", clusterHeader)
	}
	key, _, _ := strings.Cut(values["x-amz-credential"], "/")
	return &presigned{host: location.Host, query: location.RawQuery, accessKey: key}, nil
}

// Identity is who signed a token.
type Identity struct {
	// ARN is the STS's: an assumed role's has the session.
	ARN string
	// Canonical is the ARN of the role, without its path, or of the user.
	Canonical string
	Account   string
	// ID is the unique id of the role or user.
	ID string
	// Session is the session's name; users have none.
	Session   string
	AccessKey string
}

// ask sends the request to the emulator, which looks at the host that was signed.
func (p *presigned) ask(ctx context.Context, client *http.Client, emulator, cluster string) (*Identity, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, emulator+"/?"+p.query, nil)
	if err != nil {
		return nil, errors.New("the request that the token stands for cannot be made")
	}
	request.Host = p.host
	request.Header.Set(clusterHeader, cluster)
	request.Header.Set("Accept", "application/json")
	answer, err := client.Do(request)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err // without the URL
		}
		return nil, fmt.Errorf("asking the STS: %w", err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("asking the STS: %w", err)
	}
	var got struct {
		GetCallerIdentityResponse struct {
			GetCallerIdentityResult struct{ Account, Arn, UserID string }
		}
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return nil, fmt.Errorf("the STS answers %s, and no JSON", answer.Status)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the STS refuses it for cluster %s: %s: %s", cluster, got.Error.Code, got.Error.Message)
	}
	result := got.GetCallerIdentityResponse.GetCallerIdentityResult
	return identityOf(result.Arn, result.Account, result.UserID, p.accessKey)
}

func identityOf(arn, account, userID, accessKey string) (*Identity, error) {
	id := &Identity{ARN: arn, Canonical: arn, Account: account, AccessKey: accessKey}
	id.ID, id.Session, _ = strings.Cut(userID, ":")
	parsed, err := aws.ParseARN(arn)
	if err != nil {
		return nil, fmt.Errorf("the STS says that it is %q, which is no ARN", arn)
	}
	if session, assumed := parsed.Named("sts", "assumed-role"); assumed {
		role, _, _ := strings.Cut(session, "/")
		id.Canonical = aws.RoleARN(parsed.Partition, parsed.Account, "", role)
	}
	return id, nil
}
