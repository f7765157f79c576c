package intercept

import (
	"regexp"
	"slices"
	"strings"

	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/lazyregexp"
)

var region = lazyregexp.New(`^[a-z]{2,}(-[a-z]+)+-[0-9]+$`)

// noAPI are AWS's hosts that have the form of an API's endpoint, and serve files.
var noAPI = []string{"checkip", "ip-ranges"}

// Intercepts says whether a host is an endpoint of AWS's APIs: those that the
// emulator serves ([Config.Served]), whatever is in front, and all others of the forms
// that AWS's endpoints have. The emulator says of those that it does not serve them, where
// AWS would say that it knows none of irsa-emu's credentials. Databases, load
// balancers, registries and clusters are hosts of AWS's, too, and no APIs.
func Intercepts(host string, served *regexp.Regexp) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	labels, ok := aws.CutEndpoint(host)
	if !ok {
		return false
	}
	if served != nil && served.MatchString(host+".") {
		return true
	}
	switch parts := strings.Split(labels, "."); len(parts) {
	case 1: // route53.amazonaws.com
		return !slices.Contains(noAPI, labels)
	case 2: // dynamodb.us-east-1.amazonaws.com
		return region.MatchString(parts[1])
	case 3: // api.ecr.us-east-1.amazonaws.com
		return parts[0] == "api" && region.MatchString(parts[2])
	}
	return false
}
