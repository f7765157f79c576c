package iam_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"time"

	"github.com/irsa-emu/irsa-emu/iam"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

// A state document is applied to an account in one transaction, and found in
// any snapshot taken afterwards.
func ExampleApply() {
	store, err := state.Open(context.Background(), state.NewMemory(), iam.Kinds()...)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	given := statefile.Account{Roles: []statefile.Role{{
		Name: "app",
		TrustPolicy: statefile.NewDocument(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
			"Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}`),
	}}}
	err = store.Update(context.Background(), func(tx *state.Txn) error {
		return iam.Apply(tx, "111122223333", given, time.Now(), rand.Reader)
	})
	if err != nil {
		log.Fatal(err)
	}
	role, found := iam.RoleByARN(store.Snapshot(), "arn:aws:iam::111122223333:role/app")
	fmt.Println(found, role.MaxSessionDuration)
	// Output: true 3600
}
