# Shared by the suites: start an emulator, run cases, print one line each.
# A case is a function; its last output is shown when it fails.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
emu=${COMPAT_BINARY:-$root/bin/irsa-emu} # another one can be tried without building here
cache=${IRSA_EMU_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/irsa-emu/compat} # outlives the clone
work=$(mktemp -d)
mkdir -p "$cache"
# ends PID: it is ended with the script. In a file, for cases run in shells of their own.
ends() { echo "$1" >>"$work/pids"; }
readonly -f ends # a suite with a function of that name would leave its emulators running
finish() {
  for pid in $(cat "$work/pids" 2>/dev/null); do kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; done
  rm -rf "$work"
}
trap finish EXIT

# No setting of the developer's own shell may reach a client, and none of ours the developer's files.
for name in $(compgen -e AWS_) $(compgen -e IRSA_EMU_); do unset "$name"; done
export AWS_CONFIG_FILE=$work/none AWS_SHARED_CREDENTIALS_FILE=$work/none AWS_EC2_METADATA_DISABLED=true AWS_PAGER=
# pyenv's shims take longer than what they start.
if command -v pyenv >/dev/null && real=$(pyenv which python3 2>/dev/null); then PATH=$(dirname "$real"):$PATH; fi

start() { # [serve flags…]: sets URL
  local ready=$work/ready.$RANDOM pid
  "$emu" serve --listen 127.0.0.1:0 --ready-file "$ready" "$@" >>"$work/serve.out" 2>>"$work/serve.log" &
  pid=$!
  ends $pid
  await_process "$pid" test -s "$ready"
  [ -s "$ready" ] || { echo "not ok the emulator starts: $(tail -n 3 "$work/serve.log")"; exit 1; }
  URL=$(sed 's/.*"url":"\([^"]*\)".*/\1/' "$ready")
  export IRSA_EMU_URL=$URL
}
admin() { eval "$("$emu" env "$@")"; }

# await_process PID COMMAND…: until the command succeeds, for as long as the process lives, but no longer than some minutes: a
# machine may be busy.
await_process() {
  local pid=$1
  shift
  for _ in $(seq 6000); do
    "$@" && return
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.03
  done
  "$@"
}
# soon COMMAND…: what comes a little later than what it comes from succeeds within two minutes.
soon() {
  for _ in $(seq 120); do
    "$@" >/dev/null 2>&1 && return
    sleep 1
  done
  "$@"
}

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
denied() { # TEXT COMMAND…: the command fails, and says TEXT
  local want=$1 out
  shift
  out=$("$@" 2>&1) && { echo "it was allowed: $out"; return 1; }
  contains "$out" "$want"
}
# unpacked NAME PACKAGE…: sets files to a folder with Debian's packages, unpacked beside everything else, so that no
# program of this machine changes. Fails, with the reason in why, where apt does not give them.
unpacked() {
  local tree=$cache/$1 deb
  shift
  files=$tree/files
  [ ! -f "$files/complete" ] || return 0
  mkdir -p "$tree/archives/partial" "$files"
  download() { apt-get install -y -d --reinstall --no-install-recommends -o Dir::Cache::archives="$tree/archives" -o APT::Sandbox::User=root -o Debug::NoLocking=true "$@"; }
  { command -v apt-get && { download "$@" || { apt-get update && download "$@"; }; }; } >"$work/apt.log" 2>&1 ||
    { why="apt gives none of $*: $(tail -n 1 "$work/apt.log")"; return 1; }
  for deb in "$tree"/archives/*.deb; do dpkg-deb -x "$deb" "$files" || { echo "not ok $deb unpacks"; exit 1; }; done
  touch "$files/complete"
}
# python_program NAME: writes $work/bin/NAME, which runs that program of files by Debian's own Python, for which its modules are.
python_program() {
  mkdir -p "$work/bin"
  printf '#!/bin/sh\nPYTHONPATH=%q exec /usr/bin/python3 %q "$@"\n' "$files/usr/lib/python3/dist-packages" "$files/usr/bin/$1" >"$work/bin/$1"
  chmod +x "$work/bin/$1"
}
# new_aws: the aws here reads AWS_ENDPOINT_URL, as 1.29 and 2.13 were the first to do. Without one, cases that need it skip.
new_aws() { python3 -c 'import re, sys; v = tuple(map(int, re.match(r"aws-cli/(\d+)\.(\d+)", sys.argv[1] or "aws-cli/0.0").groups())); sys.exit(not ((1, 29) <= v < (2, 0) or v >= (2, 13)))' "$(aws --version 2>&1)" 2>/dev/null; }
# npm_installed FOLDER [PACKAGE…]: npm install there, once. What an earlier run has broken off is done anew: npm writes its
# list of what is installed last. Fails with npm's words in $work/npm.log.
npm_installed() {
  local folder=$1
  shift
  [ -f "$folder/node_modules/.package-lock.json" ] || for pause in 5 30 -; do
    (cd "$folder" && npm install --silent --no-audit --no-fund "$@") >"$work/npm.log" 2>&1 && return
    [ $pause = - ] || sleep $pause
  done
  [ -f "$folder/node_modules/.package-lock.json" ]
}
# installed NAME MODULE@VERSION: sets program to a program that go install makes of a module. Fails, with the reason in
# why, where the module proxy does not give it.
installed() {
  local bin=$cache/$1-${2##*@}
  program=$bin/$1
  [ -x "$program" ] || GOBIN=$bin go install -ldflags='-s -w' "$2" >"$work/install.log" 2>&1 || { why="$2 cannot be built here: $(tail -n 1 "$work/install.log")"; return 1; }
}
# build NAME: sets program to the binary of compat/NAME. One with a go.mod of its own is kept under what it was built from.
build() {
  local dir=$root/compat/$1
  if [ -f "$dir/go.mod" ]; then
    program=$cache/$(basename "$1")-$(cat "$dir"/*.go "$dir/go.mod" "$dir/go.sum" | sha256sum | cut -c1-16)
    [ -x "$program" ] || (cd "$dir" && go build -mod=mod -ldflags='-s -w' -o "$program" .)
  else
    program=$work/$1.program
    (cd "$root" && go build -o "$program" "./compat/$1")
  fi >"$work/build.log" 2>&1 || { echo "not ok the program builds"; tail -n 15 "$work/build.log" | sed 's/^/   # /'; exit 1; }
}
