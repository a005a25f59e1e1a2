#!/usr/bin/env bash
# Make a Debian system in a folder, for tests that want another one than this machine's: debian_root.sh SUITE FOLDER [PACKAGE...]
# Nothing is made where the folder is complete. The mirror is the one that this machine's apt uses. Root only.
set -euo pipefail
suite=$1 root=$2
shift 2
done=$root/.made-of
wanted="$suite $*"
[[ -f $done && $(<"$done") == "$wanted" ]] && exit 0
((EUID == 0)) || { echo "debian_root: run it as root" >&2; exit 1; }
command -v debootstrap >/dev/null || apt-get install -y -qq --no-install-recommends debootstrap </dev/null >/dev/null

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 'Component: main' | head -n 1)
[[ -n $mirror ]] || { echo "debian_root: this machine's apt knows no Debian mirror" >&2; exit 1; }
packages=$(IFS=, && echo "$*")
rm -rf --one-file-system "$root"
mkdir -p "$root"
log=$root.log
echo "debian_root: making $suite with ${*:-no further packages} in $root (log: $log)" >&2
debootstrap --variant=minbase ${packages:+--include="$packages"} "$suite" "$root" "$mirror" >"$log" 2>&1 ||
    { tail -n 20 "$log" >&2; exit 1; }
echo "$wanted" >"$done"
