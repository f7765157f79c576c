// Package sts is the AWS Security Token Service: it issues temporary
// credentials, and it knows whose credentials signed a call.
//
// [New] makes the service. Its ServeAWS answers a call that is routed and, for
// all but AssumeRoleWithWebIdentity, authenticated; its Authenticate finds the
// principal and the secret key behind an access key id, for every service.
//
// [Judge] decides AssumeRoleWithWebIdentity as a function of what it is given: a
// view of the accounts, a source of keys, the time and the call. It has no HTTP
// and no store, so that questions asked offline get the answers of the server.
//
// Each action has a file. An action reads its parameters once into a typed
// input, runs its stages from top to bottom on one snapshot of the state, and
// returns an answer or a refusal. errors.go alone knows which AWS code and text
// a refusal has; what AWS leaves unsaid goes into the request's decision.
// contextkeys.go turns a token into condition keys.
//
// There is no table of sessions: a session token is the authenticated
// encryption of the session ([Sealer]), under a key that lives in the state
// ([SealingKey]), so that every replica opens what another one sealed and a
// million sessions cost no memory. A session ends with its time or with its
// role or user; before that it is revoked as on AWS, by a policy that denies
// on aws:TokenIssueTime.
//
// Not here: SAML, AssumeRoot, delegated access, MFA devices, and outbound
// federation. Those actions answer NotImplemented with their name.
//
// It follows the AWS STS API reference of version 2011-06-15. Where answers
// recorded from AWS differ from it, they win, and comments say "recorded".
package sts
