package wire

import "net/url"

// Style is how a service words the violations it finds in parameters.
type Style int

const (
	// NamesOnly is IAM's: Value at 'roleName' failed to satisfy constraint: ….
	NamesOnly Style = iota
	// EchoValues is STS's: Value 'x' at 'roleSessionName' failed to satisfy constraint: ….
	EchoValues
)

// DecodeQuery reads form into the struct that into points to.
func DecodeQuery(form url.Values, into any, style Style) error { return errSkeleton }

// DecodeJSON reads the body of an awsJson call into the struct that into points to.
func DecodeJSON(body []byte, into any) error { return errSkeleton }
