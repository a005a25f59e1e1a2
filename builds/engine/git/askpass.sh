#!/bin/sh
# Answers what git (for LFS too) and ssh ask for a login, from descriptors that hold it and never lie on a disk.
# Only the host that the login was given for gets it: a redirect or a submodule may lead git elsewhere.
case $1 in
"Username for '$BUILDHUB_GIT_HOST': ") exec cat "/proc/self/fd/$BUILDHUB_GIT_USER" ;;
"Password for '"*"$BUILDHUB_GIT_PASSWORD_OF': ") exec cat "/proc/self/fd/$BUILDHUB_GIT_PASSWORD" ;;
"$BUILDHUB_GIT_SSH's password: ") exec cat "/proc/self/fd/$BUILDHUB_GIT_PASSWORD" ;;
esac
exit 1
