package authenticator

import _ "github.com/irsa-emu/irsa-emu/golden" // the flag -update
