// Package services holds what the services that prove a session's rights have
// in common: tags and their condition keys, and what is public. Each service is
// a package of its own beside this file and asks [api.Request.Authorize] before
// it does anything.
//
// It is not a framework: every service reads and writes its own protocol and
// words its own errors.
package services
