package kind

import (
	"strings"
	"testing"
)

func TestLeadingToEmulator(t *testing.T) {
	const pattern = `^(.*\.)?(sts|s3)(\.[a-z0-9-]+)?\.(amazonaws\.com|api\.aws)\.$`
	const plain = ".:53 {\n    errors\n    health\n    kubernetes cluster.local in-addr.arpa ip6.arpa {\n       pods insecure\n    }\n    forward . /etc/resolv.conf\n}\n"
	told, err := leadingToEmulator(plain, pattern)
	if err != nil || strings.Count(told, pattern) != 1 || strings.Index(told, "rewrite") > strings.Index(told, "kubernetes ") {
		t.Errorf("%v\n%s", err, told)
	}
	if again, err := leadingToEmulator(told, pattern); err != nil || again != told {
		t.Errorf("a second time: %v\n%s", err, again)
	}
	older := strings.Replace(plain, "    kubernetes", "    rewrite stop {\n        # irsa-emu: AWS's host names lead to the emulator\n"+
		"        name regex ^(.*\\.)?(sts|s3)(\\.[a-z0-9-]+)?\\.amazonaws\\.com\\.$ aws.irsa-emu.svc.cluster.local\n        answer auto\n    }\n    kubernetes", 1)
	if mended, err := leadingToEmulator(older, pattern); err != nil || mended != told {
		t.Errorf("an older version's: %v\n%s", err, mended)
	}
	if _, err := leadingToEmulator(".:53 {\n  errors\n}\n", pattern); err == nil {
		t.Error("a Corefile without the plugin")
	}
	if !corefileStanza.MatchString(told) || corefileStanza.MatchString(plain) {
		t.Error("the stanza is not recognised")
	}
}
