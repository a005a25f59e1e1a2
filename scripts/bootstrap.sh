#!/usr/bin/env bash
# Bring what `make run` or `make test` needs: bootstrap.sh run|test.
# Packages: as root by apt-get, else the one line to type is printed. Python: .venv from the lock files.
# What is there, or was given (DOCKER_HOST, DATABASE_URL, BUILDHUB_REGISTRY), is not installed; a second start does nothing.
set -euo pipefail
purpose=${1:-run}
cd "$(dirname "$0")/.."
exec 9<"scripts/bootstrap.sh"
flock 9 # two at the same time would build the same environment

say() { echo "bootstrap: $*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# Print the Python to use: 3.11, which the lock files were made for, else a newer one. A pyenv shim may be there and fail.
find_python() {
    local candidate
    for candidate in python3.11 python3 python3.12 python3.13 python3.14; do
        if have "$candidate" && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    say "Python 3.11 or newer is needed and was not found: run \`apt-get install python3\` on Debian 12."
    exit 1
}

# Say whether a Docker Engine was named, which is then never replaced by ours, or answers at the usual socket.
engine_is_there() {
    [[ -z ${DOCKER_HOST:-} ]] || return 0
    "$python" - <<'PYTHON' 2>/dev/null
import socket
connection = socket.socket(socket.AF_UNIX)
connection.settimeout(3)
connection.connect("/var/run/docker.sock")
PYTHON
}

# Print the Debian packages that are missing, one a line; the one that Python's packages wait for comes first.
missing_packages() {
    [[ -d .venv ]] || "$python" -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
    have git || echo git
    have ssh-agent || echo openssh-client
    [[ -e /etc/ssl/certs/ca-certificates.crt ]] || echo ca-certificates
    if ! have dockerd && { [[ $purpose == test ]] || ! engine_is_there; }; then echo docker.io; fi
    if have dockerd || [[ $purpose == test ]] || ! engine_is_there; then have iptables || echo iptables; fi
    if [[ $purpose == test || -z ${BUILDHUB_REGISTRY:-} ]]; then have docker-registry || echo docker-registry; fi
    # The sample's base image is made of it, so it must be the static one.
    if [[ ! -x /bin/busybox ]] || ldd /bin/busybox >/dev/null 2>&1; then echo busybox-static; fi
    [[ $purpose == test ]] || return 0
    have chromium || echo chromium
    have chromium-headless-shell || echo chromium-headless-shell
    have git-lfs || echo git-lfs
    have ip || echo iproute2
    [[ -x /usr/sbin/sshd ]] || echo openssh-server
    have curl || echo curl
    # For the browser driver's node.
    ldconfig -p | grep -q libatomic.so.1 || echo libatomic1
}

# Keep the packages' services from being started: BuildHub starts its own, and a registry on port 5000 is nobody's wish.
hold_services() {
    [[ -e /usr/sbin/policy-rc.d ]] && return
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
}

# Stop with the one line to type where this user cannot install the packages given as arguments.
check_installable() {
    if ((EUID != 0)) || ! have apt-get; then
        say "these packages are missing: $*. Run this line as root, then \`make $purpose\` again:"
        echo "  apt-get update && apt-get install -y --no-install-recommends $*" >&2
        exit 1
    fi
}

install_packages() {
    say "installing $*"
    hold_services
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >/dev/null
}

# Install the lock files given as arguments unless the stamp says that just these are installed.
install_python_packages() {
    local wanted stamp=.venv/.installed-$purpose lock arguments=()
    wanted=$(sha256sum "$@")
    [[ -f $stamp && $(<"$stamp") == "$wanted" ]] && return
    for lock in "$@"; do arguments+=(-r "$lock"); done
    say "installing Python packages (once)"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-compile --require-hashes "${arguments[@]}"
    # On all processors, where pip takes one; a package may hold a file for another Python, which is no error.
    .venv/bin/python -m compileall -q -j 0 .venv/lib >/dev/null || true
    # The checkout itself is on the path, as an installed package would be: pytest's `-p tests.support.plugin` needs it.
    echo '../../../..' >"$(echo .venv/lib/python3*/site-packages)/buildhub.pth"
    echo "$wanted" >"$stamp"
}

if .venv/bin/python -c '' 2>/dev/null; then
    python=.venv/bin/python
else # there is none, or the Python it was made from has gone
    python=$(find_python)
    rm -rf .venv
fi
mapfile -t packages < <(missing_packages)
if ((${#packages[@]})); then
    check_installable "${packages[@]}"
    apt-get update -qq </dev/null
    if [[ ${packages[0]} == python3-venv ]]; then
        (install_packages python3-venv) # in a shell of its own, as below: it leaves by its own trap
        packages=("${packages[@]:1}")
    fi
fi
# Debian's packages and Python's are fetched side by side.
if ((${#packages[@]})); then
    install_packages "${packages[@]}" &
    installing=$!
    trap 'wait "$installing"' EXIT # also when Python's fail: apt is not left running behind the prompt
fi
[[ -d .venv ]] || "$python" -m venv .venv
if [[ $purpose == test ]]; then
    install_python_packages requirements.lock requirements-dev.lock
else
    install_python_packages requirements.lock
fi
if [[ -n ${installing:-} ]]; then
    trap - EXIT
    wait "$installing"
fi
