# Shared by the suites: start an emulator, run cases, print one line each.
# A case is a function; its last output is shown when it fails.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
emu=${COMPAT_BINARY:-$root/bin/irsa-emu} # another one can be tried without building here
work=$(mktemp -d)
pids=()
finish() {
  for pid in ${pids[@]+"${pids[@]}"}; do kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; done
  rm -rf "$work"
}
trap finish EXIT

# No setting of the developer's own shell may reach a client.
for name in $(compgen -e AWS_) $(compgen -e IRSA_EMU_); do unset "$name"; done
export AWS_CONFIG_FILE=$work/none AWS_SHARED_CREDENTIALS_FILE=$work/none AWS_EC2_METADATA_DISABLED=true AWS_PAGER=

start() { # [serve flags…]: sets URL
  local ready=$work/ready.$RANDOM
  "$emu" serve --listen 127.0.0.1:0 --ready-file "$ready" "$@" >>"$work/serve.out" 2>>"$work/serve.log" &
  pids+=($!)
  for _ in $(seq 200); do [ -s "$ready" ] && break; sleep 0.02; done
  [ -s "$ready" ] || { echo "not ok the emulator starts: $(tail -n 3 "$work/serve.log")"; exit 1; }
  URL=$(sed 's/.*"url":"\([^"]*\)".*/\1/' "$ready")
  export IRSA_EMU_URL=$URL
}
admin() { eval "$("$emu" env "$@")"; }

check() { # NAME FUNCTION [ARG…]
  local name=$1 out
  shift
  if out=$("$@" 2>&1); then
    echo "ok $name"
  else
    echo "not ok $name"
    printf '%s\n' "$out" | tail -n 15 | sed 's/^/   # /'
  fi
}
skip() { echo "skip $1: $2"; }
equal() { [ "$1" = "$2" ] || { printf 'got:  %s\nwant: %s\n' "$1" "$2"; return 1; }; }
contains() { case $1 in *"$2"*) ;; *) printf 'got:  %s\nwant it to contain: %s\n' "$1" "$2"; return 1 ;; esac; }
