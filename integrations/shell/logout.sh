# Take away the profiles, the cached sessions and what was installed.
daypass_logout() (
  set +x
  set -f
  unset IFS
  PATH="$DAYPASS_FOLDER/venv/bin:$PATH"
  export AWS_CONFIG_FILE="${AWS_CONFIG_FILE:-$DAYPASS_FOLDER/config}"
  export AWS_SHARED_CREDENTIALS_FILE="${AWS_SHARED_CREDENTIALS_FILE:-$DAYPASS_FOLDER/credentials}"
  for role in ${DAYPASS_ROLE_ARN:-}; do
    case $role in
      arn:*) profile=default ;;
      *) profile=${role%%=*} ;;
    esac
    daypass idp logout aws --profile "$profile" >/dev/null 2>&1 || :
  done
  rm -rf -- "$DAYPASS_FOLDER"
)
