package kind

import (
	"context"
	"fmt"

	"github.com/irsa-emu/irsa-emu/harness"
	"github.com/irsa-emu/irsa-emu/webhook/incluster"
)

// guest is what a scenario has of a cluster beside its own: tokens of its
// service accounts. Its pods and its emulators are for others.
type guest struct{ *share }

// neighbour takes in the cluster of another issuer, whose keys the scenario's
// emulator then knows too.
func (s *share) neighbour(ctx context.Context, issuer string) error {
	other, err := s.clusterOf(ctx, issuer)
	if err != nil {
		return err
	}
	if err := other.use.acquire(ctx, false); err != nil {
		return err
	}
	if err := other.namespaces.acquire(ctx, s.target.Namespaces, false); err != nil {
		other.use.release()
		return err
	}
	s.others[issuer] = &guest{&share{
		running: other, scenario: s.scenario, target: harness.Target{Namespaces: s.target.Namespaces}, known: map[string]bool{},
	}}
	keys, err := incluster.ReadKeys(ctx, other.Client)
	if err != nil {
		return err
	}
	if keys.URL != issuer {
		return fmt.Errorf("the cluster of %s signs for %s", issuer, keys.URL)
	}
	return s.emulator(s.slot).PublishKeys(ctx, keys)
}

func (s *share) leaveNeighbours() {
	for _, g := range s.others {
		g.namespaces.release(g.target.Namespaces)
		g.running.use.release()
	}
	s.others = nil
}
