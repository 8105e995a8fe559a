#!/usr/bin/env bash
# From nothing to AWS credentials, unattended: what `make demo` runs. Every command below is one that a person can type.
# Ends with status 0 only when each step did what it should, and leaves no process and no file behind.
set -euo pipefail

started=$SECONDS
folder=$(mktemp -d)
server=

finish() {
  status=$?
  trap - EXIT
  if [ -n "$server" ] && kill -0 "$server" 2>/dev/null; then
    kill -TERM "$server" && wait "$server" || status=1
  fi
  if [ "$status" -ne 0 ] && [ -f "$folder/up.log" ]; then
    printf '\nThe demo failed. What the servers said:\n' >&2
    tail -n 40 "$folder/up.log" >&2
  fi
  rm -rf "$folder"
  exit "$status"
}
trap finish EXIT

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { printf '  $ %s\n' "$*"; "$@" 2>&1 | sed 's/^/    /'; }
fail() { printf '  FAILED: %s\n' "$*" >&2; exit 1; }

step "1. Start an identity provider and a local AWS on this machine"
printf '  $ daypass up\n'
daypass up --data-folder "$folder/daypass" --issuer-port 0 --aws-port 0 >"$folder/up.log" 2>&1 &
server=$!
for _ in $(seq 300); do
  [ -f "$folder/daypass/workspace.env" ] && break
  kill -0 "$server" 2>/dev/null || fail "daypass up ended early"
  sleep 0.1
done
[ -f "$folder/daypass/workspace.env" ] || fail "daypass up was not ready within 30 seconds"
sed 's/^/    /' "$folder/up.log"

# From here on we are inside the workspace: it has its own secret, and nothing of AWS.
enter() { # enter FILE: what a platform would put into a workload's environment
  unset AWS_PROFILE AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
  # shellcheck disable=SC1090
  . "$1"
  export AWS_SHARED_CREDENTIALS_FILE="$folder/$2/credentials" AWS_CONFIG_FILE="$folder/$2/config" AWS_PAGER=
}
enter "$folder/daypass/workspace.env" workspace

step "2. The workspace asks for a token; these are its claims"
run daypass idp token --audience sts.amazonaws.com --decode

step "3. The token becomes AWS credentials"
run daypass idp login aws --role-arn "$IDP_AWS_ROLE_ARN"

step "4. AWS knows who is there"
run aws sts get-caller-identity

step "5. And gives out the secret"
run aws secretsmanager get-secret-value --secret-id database_connection_string --region us-east-1 --query SecretString --output text

step "6. A workspace of another project is refused, and told why"
enter "$folder/daypass/stranger.env" stranger
printf '  $ %s\n' "daypass idp login aws --role-arn $IDP_AWS_ROLE_ARN"
set +e
daypass idp login aws --role-arn "$IDP_AWS_ROLE_ARN" >"$folder/refused" 2>&1
refused=$?
set -e
sed 's/^/    /' "$folder/refused"
[ "$refused" -eq 1 ] || fail "expected status 1 (refused), got $refused"
grep -q 'Not authorized to perform sts:AssumeRoleWithWebIdentity' "$folder/refused" || fail "AWS's sentence is missing"
for word in statement wanted found; do
  grep -q "$word" "$folder/refused" || fail "the explanation does not name: $word"
done
[ ! -e "$AWS_SHARED_CREDENTIALS_FILE" ] || fail "a refused login left a credentials file"

step "7. Stop"
kill -TERM "$server"
wait "$server" || fail "daypass up did not stop cleanly"
server=
printf '  stopped; everything above took %s seconds and left nothing behind\n' "$((SECONDS - started))"
