package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/eksauth/types"
	"github.com/aws/smithy-go"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"

	"github.com/irsa-emu/irsa-emu/hint"
)

// limiter bounds the requests of a node's pods: 1,000 a second, bursts of half of it.
type limiter struct{ *rate.Limiter }

func newLimiter() limiter { return limiter{rate.NewLimiter(1000, 500)} }

// Handler answers pods. Any method is taken, as upstream takes it; every other
// path is 404, which the probe relies on.
func (a *Agent) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(Path, func(w http.ResponseWriter, r *http.Request) {
		if !a.limiter.Allow() {
			a.refuse(w, http.StatusTooManyRequests, "Too Many Requests")
			return
		}
		a.answer(w, r)
	})
	return mux
}

func (a *Agent) answer(w http.ResponseWriter, r *http.Request) {
	if status, text := a.invalid(r); text != "" {
		a.refuse(w, status, text)
		return
	}
	credentials, err := a.cache.get(r.Context(), r.Header.Get("Authorization"))
	if err != nil {
		status, text := described(err)
		a.config.Logger.Warn("no credentials", append([]any{"remote", r.RemoteAddr, "status", status, "error", text}, reasonOf(err)...)...)
		a.refuse(w, status, text)
		return
	}
	credentials.Expiration = credentials.Expiration.UTC()
	body, err := json.Marshal(credentials)
	if err != nil {
		a.refuse(w, http.StatusInternalServerError, "Unable to serialize credentials")
		return
	}
	a.metrics.responses.WithLabelValues("200").Inc()
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // an error means that the pod is gone
}

func (a *Agent) refuse(w http.ResponseWriter, status int, text string) {
	a.metrics.responses.WithLabelValues(strconv.Itoa(status)).Inc()
	http.Error(w, text, status)
}

var (
	parser    = jwt.NewParser()
	validator = jwt.NewValidator
)

// invalid checks the request as upstream does: the address first, then the
// token, whose signature and audience are not looked at. The texts are upstream's.
func (a *Agent) invalid(r *http.Request) (status int, text string) {
	if host := hostOf(r.Host); !a.hosts[host] {
		return http.StatusForbidden, fmt.Sprintf("Access Denied. Called agent through invalid address, please use either %v address not %s", a.config.Hosts, host)
	}
	token := r.Header.Get("Authorization")
	if token == "" {
		return http.StatusBadRequest, "Service account token cannot be empty"
	}
	parsed, _, err := parser.ParseUnverified(token, &jwt.RegisteredClaims{})
	if err != nil {
		return http.StatusBadRequest, fmt.Sprintf("Service account token cannot be parsed: %v", err)
	}
	if err := validator(jwt.WithTimeFunc(a.config.Now)).Validate(parsed.Claims); err != nil {
		return http.StatusBadRequest, fmt.Sprintf("Service account token failed basic claim validations: %v", err)
	}
	return 0, ""
}

func hostOf(hostport string) string {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// reasonOf is the emulator's reason for a refusal, for the agent's log: what pods
// are told is AWS's text alone.
func reasonOf(err error) []any {
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.Response != nil {
		if reason := response.Response.Header.Get(hint.ReasonHeader); reason != "" {
			return []any{"reason", reason}
		}
	}
	return nil
}

// described is the answer to a pod for an error of EKS Auth: its status is
// passed on, 500 where there was no answer. A source that refuses by itself, in
// EKS Auth's terms, is answered with the status that EKS Auth has for them.
func described(err error) (status int, text string) {
	status = http.StatusInternalServerError
	if refused := (*types.ResourceNotFoundException)(nil); errors.As(err, &refused) {
		status = http.StatusNotFound
	}
	if refused := (*types.InvalidTokenException)(nil); errors.As(err, &refused) {
		status = http.StatusBadRequest
	}
	var parts []string
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		if code := response.HTTPStatusCode(); code != 0 {
			status = code
		}
		parts = append(parts, "["+response.RequestID+"]")
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		parts = append(parts, fmt.Sprintf("(%s): %s, fault: %s", api.ErrorCode(), api.ErrorMessage(), api.ErrorFault()))
	}
	if len(parts) == 0 {
		return status, err.Error()
	}
	return status, strings.Join(parts, ": ")
}
