package deploy

// CoreDNS is the stanza that leads the names of a regular expression (see
// emulator.HostPattern) to the Service [Intercept], for before the line
// "kubernetes …" of a Corefile.
func CoreDNS(hostPattern string) string {
	return `rewrite stop {
        # irsa-emu: AWS's host names lead to the emulator
        name regex ` + hostPattern + " " + Intercept + "." + Namespace + `.svc.cluster.local
        answer auto
    }
`
}
