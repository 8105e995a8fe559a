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
