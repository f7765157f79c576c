# Sourced after lib.sh by suites whose clients know AWS by nothing but its own host names. `alone` runs the suite again in
# a network and a mount namespace of its own, where these names are 127.0.0.1; `start_hosts` serves HTTPS there, on 443.
alone() {
  [ -z "${COMPAT_ALONE:-}" ] || { python3 -c 'import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh22x", b"lo", 0x41))' && hosts; return; }
  local namespaces=(unshare --mount --net)
  [ "$(id -u)" = 0 ] || namespaces+=(--map-root-user)
  if ! "${namespaces[@]}" true 2>/dev/null; then
    skip "$(basename "$(dirname "$0")")" "this machine lets $(id -un) make no namespaces, and AWS's names are not to be taken over for all of it"
    exit 0
  fi
  COMPAT_ALONE=1 "${namespaces[@]}" "$0"
  exit $?
}
hosts() {
  local name
  echo "127.0.0.1 localhost" >"$work/hosts"
  for name in sts sts.us-west-2 iam eks.us-west-2 secretsmanager.us-west-2 s3 s3.us-west-2 reports.s3 reports.s3.us-west-2 oidc.eks.us-west-2; do
    echo "127.0.0.1 $name.amazonaws.com" >>"$work/hosts"
  done
  mount --bind "$work/hosts" /etc/hosts
}
start_hosts() { # [serve flags…]
  start --tls-listen 127.0.0.1:443 --data-dir "$work/data" "$@"
  admin
  unset AWS_ENDPOINT_URL
  export AWS_CA_BUNDLE=$work/data/ca.pem SSL_CERT_FILE=$work/data/ca.pem
  unset SSL_CERT_DIR
}
