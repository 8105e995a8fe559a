#!/bin/sh
# Runs as root when the image is built, where there is no token: installs Daypass, and writes what logs in at the start.
set -eu
set +x
prefix="${DAYPASS_PREFIX:-/usr/local}"
share="$prefix/share/daypass"
if [ -z "${ROLEARN:-}" ]; then
  echo 'daypass: name a role in the option roleArn' >&2
  exit 2
fi
if ! python3 -I -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo 'daypass: python3 of version 3.11 or newer, with its venv module, is needed to install Daypass' >&2
  echo 'Add the feature ghcr.io/devcontainers/features/python, or take an image with Python.' >&2
  exit 2
fi
mkdir -p "$share" "$prefix/bin"
python3 -I -m venv --clear "$share/venv"
"$share/venv/bin/pip" install --quiet --disable-pip-version-check --no-input "${DAYPASS_PACKAGE:-daypass==$VERSION}"
ln -sf "$share/venv/bin/daypass" "$prefix/bin/daypass"

# Each option in single quotes, with those inside it closed, escaped and opened again.
setting() {
  printf "%s='%s'\n" "$1" "$(printf '%s' "$2" | sed "s/'/'\\\\''/g")"
}
{
  echo '#!/bin/sh'
  setting DAYPASS_VERSION "$VERSION"
  setting DAYPASS_ROLE_ARN "$ROLEARN"
  setting DAYPASS_REGION "${REGION:-}"
  setting DAYPASS_DURATION_SECONDS "${DURATIONSECONDS:-}"
  setting DAYPASS_AUDIENCE "${AUDIENCE:-}"
  setting DAYPASS_SESSION_NAME "${SESSIONNAME:-}"
  setting DAYPASS_EXPECT_ACCOUNT "${EXPECTACCOUNT:-}"
  setting DAYPASS_TOKEN_SOURCE "${TOKENSOURCE:-auto}"
  echo "PATH=\"$prefix/bin:\$PATH\""
  cat <<'END'
DAYPASS_FOLDER="$HOME/.local/share/daypass-login"
# >>> login.sh
# Log in to AWS with this job's identity token. Prints no token and no key. POSIX sh, also under set -e, -u and -x.
daypass_login() (
  set +x
  set -fu
  unset IFS
  refuse() {
    echo "daypass: $1" >&2
    exit 2
  }
  [ -n "${DAYPASS_VERSION:-}" ] || refuse 'no version of Daypass is named: set DAYPASS_VERSION'
  [ -n "${DAYPASS_ROLE_ARN:-}" ] || refuse 'no role is named: set DAYPASS_ROLE_ARN to its ARN, or to PROFILE=ARN for each'
  (umask 077 && mkdir -p "$DAYPASS_FOLDER") || exit 2
  if [ -L "$DAYPASS_FOLDER" ] || [ ! -O "$DAYPASS_FOLDER" ]; then
    refuse "$DAYPASS_FOLDER belongs to somebody else"
  fi
  set --
  for role in $DAYPASS_ROLE_ARN; do
    case $role in
      arn:*) set -- "$@" --role-arn "$role" --profile default ;;
      ?*=arn:*) set -- "$@" --role-arn "${role#*=}" --profile "${role%%=*}" ;;
      *) refuse "$role is neither the ARN of a role nor PROFILE=ARN" ;;
    esac
  done
  for account in ${DAYPASS_EXPECT_ACCOUNT:-}; do
    set -- "$@" --expect-account "$account"
  done
  [ -z "${DAYPASS_REGION:-}" ] || set -- "$@" --region "$DAYPASS_REGION"
  [ -z "${DAYPASS_DURATION_SECONDS:-}" ] || set -- "$@" --duration-seconds "$DAYPASS_DURATION_SECONDS"
  [ -z "${DAYPASS_AUDIENCE:-}" ] || set -- "$@" --audience "$DAYPASS_AUDIENCE"
  [ -z "${DAYPASS_SESSION_NAME:-}" ] || set -- "$@" --role-session-name "$DAYPASS_SESSION_NAME"
  [ -z "${DAYPASS_TOKEN_SOURCE:-}" ] || set -- "$@" --token-source "$DAYPASS_TOKEN_SOURCE"
  PATH="$DAYPASS_FOLDER/venv/bin:$PATH"
  if [ "$(daypass --version 2>/dev/null)" != "daypass $DAYPASS_VERSION" ]; then
    # -I: what lies in the checked-out project is not imported here.
    python3 -I -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
      refuse 'python3 of version 3.11 or newer, with its venv module, is needed to install Daypass'
    python3 -I -m venv --clear "$DAYPASS_FOLDER/venv" || exit 2
    pip install --quiet --disable-pip-version-check --no-input "${DAYPASS_PACKAGE:-daypass==$DAYPASS_VERSION}" ||
      refuse "daypass $DAYPASS_VERSION could not be installed"
  fi
  daypass idp login aws --refreshing "$@"
)
# >>> end
daypass_login
END
} >"$share/log-in"
chmod 0755 "$share/log-in"
