#!/usr/bin/env bash
# The README's commands on a bare Debian 12 (minbase, make, python3, git, ca-certificates), and what they took.
#
# Root only, not in CI: bare.sh [test|run|used]... (default: test run; used: make test beside a Docker Engine in use).
# The machine is a folder by debootstrap, entered by pivot_root in mount, process and network namespaces of its own: the
# network is slirp4netns's, so nothing of this machine's changes. Mirror, CA and pip's settings are those of this machine.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
releases=${BUILDHUB_TEST_ROOTS:-/var/cache/buildhub}

if [[ ${1:-} != --inside ]]; then
    ((EUID == 0)) || { echo "bare: run it as root" >&2; exit 1; }
    command -v slirp4netns >/dev/null || apt-get install -y -qq --no-install-recommends slirp4netns </dev/null >/dev/null
    "$here/scripts/debian_root.sh" bookworm "$releases/bare" make python3 git ca-certificates
    root=$(mktemp -d "$releases/bare-XXXXXX")
    trap 'kill "$network" 2>/dev/null; rm -rf --one-file-system "$root"' EXIT
    network=0
    cp -a "$releases/bare/." "$root"
    # What this machine's clients of the registries are told, they are told there.
    apt-get indextargets --format 'deb $(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' 'Label: Debian' |
        grep bookworm | sort -u >"$root/etc/apt/sources.list"
    apt-get indextargets --format 'deb $(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' 'Label: Debian-Security' |
        sort -u >>"$root/etc/apt/sources.list"
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/this-machine.crt"
    index=$(python3 -m pip config get global.index-url 2>/dev/null || true)
    printf '[global]\ncert = /etc/ssl/certs/this-machine.crt\n%s\n' "${index:+index-url = $index}" >"$root/etc/pip.conf"
    mkdir -p "$root/mnt/source" "$root/root"
    mkfifo "$root/run/network"
    env -i HOME=/root TERM=dumb LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        SSL_CERT_FILE=/etc/ssl/certs/this-machine.crt BARE_ROOT="$root" BARE_SOURCE="$here" \
        unshare --mount --propagation private --pid --fork --kill-child --net --ipc "$here/scripts/bare.sh" --inside "$@" &
    machine=$!
    child=''
    until child=$(pgrep -P "$machine" | head -n 1) && [[ -n $child && -e /proc/$child/ns/net ]]; do kill -0 "$machine"; sleep 0.05; done
    slirp4netns --configure --mtu=1500 --disable-host-loopback "$child" tap0 >"$root.network.log" 2>&1 &
    network=$!
    echo ready >"$root/run/network"
    wait "$machine" && code=0 || code=$?
    rm -f "$root.network.log"
    exit "$code"
fi
shift

if [[ -n ${BARE_ROOT:-} ]]; then # the first process of the machine: make its folder the root, then go on there
    root=$BARE_ROOT
    read -r _ <"$root/run/network"
    rm "$root/run/network"
    mount --bind "$root" "$root"
    cd "$root"
    mount -t tmpfs -o mode=755 tmpfs run
    mount -t sysfs sysfs sys # of this network namespace
    for shared in /sys/fs/cgroup /dev; do mount --rbind "$shared" ".$shared"; done
    mount -t tmpfs -o mode=1777 tmpfs dev/shm
    mount -t proc proc proc
    mount --bind "$BARE_SOURCE" mnt/source
    echo "nameserver 10.0.2.3" >etc/resolv.conf
    mkdir -p run/outside
    pivot_root . run/outside
    umount --lazy /run/outside
    ip link set lo up 2>/dev/null || python3 - <<'PYTHON' # minbase has no ip: the loopback interface by ioctl
import fcntl, socket, struct
with socket.socket() as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: IFF_UP, IFF_RUNNING
PYTHON
    unset BARE_ROOT
    exec /mnt/source/scripts/bare.sh --inside "$@"
fi

seconds_since() { python3 -c "import sys, time; print(f'{time.time() - float(sys.argv[1]):.1f}')" "$1"; }
now() { python3 -c 'import time; print(time.time())'; }
clone() {
    rm -rf "$1"
    git -c safe.directory='*' clone -q /mnt/source "$1"
}

# make test, as the README says it
prove_test() {
    local began code=0
    clone /root/tested
    began=$(now)
    make -C /root/tested test >/root/test.log 2>&1 </dev/null || code=$?
    echo "bare: make test ended with $code after $(seconds_since "$began") s: $(grep -E '[0-9]+ (passed|failed)' /root/test.log | tail -n 1)"
    if ((code)); then grep -E '^(FAILED|ERROR)|^E  ' /root/test.log | head -n 60; tail -n 40 /root/test.log; fi
    return "$code"
}

# make run until it serves, one press of the sample by REST, an orderly end, and the second start
prove_run() {
    local began supervisor token
    clone /root/run
    cd /root/run
    began=$(now)
    make run >/root/run.log 2>&1 </dev/null &
    supervisor=$!
    until grep -q 'BuildHub is ready at' /root/run.log; do kill -0 "$supervisor" || { cat /root/run.log; return 1; }; sleep 0.1; done
    echo "bare: make run serves after $(seconds_since "$began") s: $(grep 'BuildHub is ready at' /root/run.log)"
    token=$(.venv/bin/python manage.py create_token admin | tail -n 1)
    python3 - "$token" <<'PYTHON'
import json, sys, time, urllib.request
def ask(method, path):
    request = urllib.request.Request(f"http://127.0.0.1:8000/v1{path}", method=method, headers={"Authorization": f"Bearer {sys.argv[1]}"})
    return json.load(urllib.request.urlopen(request, timeout=30))
run = ask("POST", "/build/run/1")
while run["runState"] not in ("DONE", "ERROR"):
    time.sleep(0.1)
    run = ask("GET", f"/build/run/{run['buildRunSeq']}")
print(f"bare: the sample ended {run['runState']}: {run['imageUrl']} {run['imageDigest']}")
sys.exit(run["runState"] != "DONE")
PYTHON
    kill -TERM "$supervisor"
    began=$(now)
    wait "$supervisor" || true
    echo "bare: SIGTERM took $(seconds_since "$began") s"
    began=$(now)
    make run >/root/again.log 2>&1 </dev/null &
    supervisor=$!
    until grep -q 'BuildHub is ready at' /root/again.log; do kill -0 "$supervisor" || { cat /root/again.log; return 1; }; sleep 0.1; done
    echo "bare: the second start took $(seconds_since "$began") s"
    kill -TERM "$supervisor"
    wait "$supervisor" || true
}

# A person's Docker Engine that is in use while the tests run works as before.
prove_used() {
    apt-get update -qq && apt-get install -y -qq --no-install-recommends docker.io iptables busybox-static >/dev/null 2>&1
    containerd >/root/containerd.log 2>&1 &
    dockerd --containerd=/run/containerd/containerd.sock >/root/dockerd.log 2>&1 &
    until docker version >/dev/null 2>&1; do sleep 0.2; done
    tar -C / -c bin/busybox | docker import - mine:1 >/dev/null
    docker run -d --name mine mine:1 /bin/busybox sleep 3600 >/dev/null
    prove_test
    docker run --rm mine:1 /bin/busybox ip address show eth0 | grep -q inet
    [[ $(docker inspect -f '{{.State.Running}} {{.RestartCount}}' mine) == 'true 0' ]]
    echo "bare: the Docker Engine in use works as before, and its container has run all the time"
}

(($#)) || set -- test run
for stage; do "prove_$stage"; done
