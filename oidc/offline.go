package oidc

import "time"

// CheckAudience compares the audience of claims that nobody has verified with a
// provider's client ids, for questions asked offline. The error is a [*TokenError].
func (c *Claims) CheckAudience(p Provider) error { return c.checkAudience(p) }

// CheckTimes compares iat, nbf and exp of claims that nobody has verified with a
// clock, for questions asked offline. The error is a [*TokenError].
func (c *Claims) CheckTimes(now time.Time) error { return c.checkTimes(now.Unix()) }
