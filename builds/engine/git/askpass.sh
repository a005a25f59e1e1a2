#!/bin/sh
# Answers what git (for LFS too) and ssh ask for a login, from descriptors of BuildHub that never lie on a disk.
# Only the host that the login was given for gets it: a redirect or a submodule may lead git elsewhere.
case $1 in
"Username for '$BUILDHUB_GIT_HOST': ") exec cat "$BUILDHUB_GIT_USER" ;;
"Password for '$BUILDHUB_GIT_SCHEME://"*"@$BUILDHUB_GIT_PASSWORD_OF': ") exec cat "$BUILDHUB_GIT_PASSWORD" ;;
"$BUILDHUB_GIT_SSH's password: " | "($BUILDHUB_GIT_SSH) "*[Pp]"assword: ") exec cat "$BUILDHUB_GIT_PASSWORD" ;;
esac
exit 1
