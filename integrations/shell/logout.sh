# Take away the profiles, the cached sessions and what was installed.
daypass_logout() (
  set +x
  set -f
  unset IFS
  PATH="$DAYPASS_FOLDER/venv/bin:$PATH"
  files=${DAYPASS_AWS_FOLDER:-$DAYPASS_FOLDER}
  export AWS_CONFIG_FILE="$files/config" AWS_SHARED_CREDENTIALS_FILE="$files/credentials"
  for role in ${DAYPASS_ROLE_ARN:-}; do
    case $role in
      arn:*) profile=default ;;
      *) profile=${role%%=*} ;;
    esac
    daypass idp logout aws --profile "$profile" >/dev/null 2>&1 || :
  done
  rm -rf -- "$DAYPASS_FOLDER"
)
