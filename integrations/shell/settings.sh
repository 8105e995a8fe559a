# AWS's tools take the profiles that daypass_login writes, and no keys that were in the environment before.
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_SECURITY_TOKEN AWS_WEB_IDENTITY_TOKEN_FILE
unset AWS_ROLE_ARN AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_DEFAULT_PROFILE
export AWS_CONFIG_FILE="$DAYPASS_FOLDER/config" AWS_SHARED_CREDENTIALS_FILE="$DAYPASS_FOLDER/credentials"
export PATH="$DAYPASS_FOLDER/venv/bin:$PATH"
# shellcheck disable=SC2086 # several roles are several words
AWS_PROFILE=$(set -f && set -- ${DAYPASS_ROLE_ARN:-arn:} && case $1 in arn:*) echo default ;; *) echo "${1%%=*}" ;; esac)
export AWS_PROFILE
if [ -n "${DAYPASS_REGION:-}" ]; then
  export AWS_REGION="$DAYPASS_REGION" AWS_DEFAULT_REGION="$DAYPASS_REGION"
fi
