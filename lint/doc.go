// Package lint finds what AWS accepts in a trust policy but what does not do what it
// seems to, and what AWS refuses. Its rules are a table; each says how grave it is,
// why, and what to write, and gives the document with the fix where that is certain.
//
// A fix changes the words that are wrong and nothing else, and takes no right away
// that the rule did not name as the fault: where what is meant cannot be told from
// the policy and its account, the finding asks.
package lint
