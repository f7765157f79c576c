// Package statefile reads and writes State documents: the YAML or JSON that
// says which clusters, issuers, IAM entities, secrets and buckets an emulator
// starts with, and that it gives back when its state is exported.
//
// [Load] and [Parse] are strict. A field that does not exist, a duplicate key,
// a value of the wrong type, a policy that IAM would refuse: every mistake is
// found in one pass and reported as [strictyaml.Errors] with file, line and
// column. A document that has one mistake yields no state.
//
// Policies are IAM JSON, written inline as YAML or JSON or named as
// {file: policy.json}; there is no policy dialect here. This package knows
// nothing of how the emulator stores what a document describes.
package statefile
