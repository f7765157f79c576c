// Package prove answers questions about all tokens at once: who can assume a
// role, whether a claim about all of them holds, what a change of a policy lets
// in that was not let in before. Where package policy decides one request, this
// package decides a set of them, and shows a request for every no.
//
// A question is asked in a world: a kind of call of which each condition key is
// known, whether it can be absent and which values it can have. What an issuer
// can put into a token is part of it: a cluster's subjects hold no star and no
// upper case, GitHub's begin with repo:. The tests that a policy makes of one key
// cut its values into cells of values that no test tells apart. Cells are found
// by walking the product of the tests' automata (words), each with its shortest
// value. A policy is then a union of boxes of cells, less other boxes, and a
// question is whether what is left is empty.
//
// There are three answers. Proved: no request of the world gets through. Refuted:
// this one does; package policy's engine has let it in before it is shown. If it
// has not, the error is a [Disagreement], which is a bug. Undecided: a policy
// variable makes two keys depend on each other, or the patterns overlap in too
// many ways for the bound on work; the statement and key are named.
//
// The package is pure: no clock, no I/O, no solver. Service control policies,
// resource control policies and networks are not part of it: what is allowed here
// is allowed unless one of those forbids it.
package prove
