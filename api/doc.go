// Package api is the kernel of every AWS call here: [Request] is the call with
// all that a service needs to answer it, [Principal] who signed it, [Service]
// what answers it, and [Request.Authorize] the one place where every service
// asks whether the caller may do what it asks for.
//
// It knows no service and no entity of one: who a principal is was resolved
// when the call was authenticated, and the policies in force for it come
// through [Request.PoliciesOf].
package api
