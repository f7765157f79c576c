//go:build !linux

package main

// trim is for the nodes of clusters.
func trim() {}
