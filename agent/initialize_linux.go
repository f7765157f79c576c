package agent

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
)

// Initialize gives the node the addresses that SDKs ask, so that the agent can
// listen on them and the node's pods reach them by their default route. It puts
// them on the loopback interface: upstream makes a dummy interface for them,
// which not every kernel has. It needs CAP_NET_ADMIN. A node without IPv6 goes
// without the second address, which the returned text says.
func Initialize(addresses []string) (skipped []error, err error) {
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return nil, fmt.Errorf("the loopback interface: %w", err)
	}
	var added int
	for _, address := range addresses {
		bits := "/32"
		if isIPv6(address) {
			bits = "/128"
		}
		parsed, err := netlink.ParseAddr(address + bits)
		if err != nil {
			return nil, fmt.Errorf("address %s: %w", address, err)
		}
		if err := netlink.AddrReplace(loopback, parsed); err != nil {
			err = fmt.Errorf("adding %s to the loopback interface: %w", address, err)
			if !isIPv6(address) {
				return nil, err
			}
			skipped = append(skipped, err)
			continue
		}
		added++
	}
	if added == 0 {
		return nil, errors.Join(append(skipped, errors.New("no address was added"))...)
	}
	return skipped, nil
}
