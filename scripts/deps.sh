#!/usr/bin/env bash
# Installs the servers that signalbox starts as its own child processes, if they are missing, with apt-get
# or brew; on another system it says what to install. Quick and quiet when everything is there.
#
#   scripts/deps.sh up     what `signalbox up` needs: PostgreSQL, RabbitMQ
#   scripts/deps.sh test   and what the tests need: promtool, Redis, Chromium
#   scripts/deps.sh race   and what the race detector needs: a C compiler
#
# The packages' system services are neither started nor left enabled: signalbox runs servers of its own,
# on free ports, with their data in its state folder.
set -euo pipefail

any() { compgen -G "$1" >/dev/null; }

has_postgres() {
    command -v postgres >/dev/null || any '/usr/lib/postgresql/*/bin/initdb' || any '/usr/pgsql-*/bin/initdb' ||
        any '/opt/homebrew/opt/postgresql*/bin/initdb' || any '/usr/local/opt/postgresql*/bin/initdb'
}

has_rabbitmq() {
    command -v epmd >/dev/null && {
        any '/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server' || any '/usr/lib/rabbitmq/bin/rabbitmq-server' ||
            any '/opt/homebrew/opt/rabbitmq/sbin/rabbitmq-server' || any '/usr/local/opt/rabbitmq/sbin/rabbitmq-server'
    }
}

has_promtool() { command -v promtool >/dev/null; }
has_redis() { command -v redis-server >/dev/null; }
has_chromium() { command -v chromium >/dev/null || [[ -x '/Applications/Chromium.app/Contents/MacOS/Chromium' ]]; }
has_compiler() { command -v "${CC:-gcc}" >/dev/null || command -v cc >/dev/null; }

# name prints what a thing is called by the package manager given. (No tables: macOS has bash 3.)
name() {
    case $1:$2 in
    apt:postgres) echo postgresql ;;
    apt:rabbitmq) echo rabbitmq-server ;;
    apt:promtool) echo prometheus ;;
    apt:redis) echo redis-server ;;
    apt:chromium) echo chromium ;;
    apt:compiler) echo gcc libc6-dev ;;
    brew:postgres) echo postgresql@17 ;;
    brew:promtool) echo prometheus ;;
    brew:compiler) echo gcc ;;
    brew:*) echo "$2" ;;
    plain:postgres) echo PostgreSQL ;;
    plain:rabbitmq) echo RabbitMQ ;;
    plain:promtool) echo 'promtool (it comes with Prometheus)' ;;
    plain:redis) echo Redis ;;
    plain:chromium) echo Chromium ;;
    plain:compiler) echo 'a C compiler' ;;
    esac
}

# missing prints what has to be installed, one a line.
missing() {
    local purpose=$1 manager=$2 what wanted='postgres rabbitmq'
    [[ $purpose == up ]] || wanted+=' promtool redis chromium'
    [[ $purpose != race ]] || wanted+=' compiler'
    for what in $wanted; do
        "has_$what" || name "$manager" "$what"
    done
}

# apt_install runs as root. Whatever it puts in place for the time of the installation goes away again.
apt_install() {
    export DEBIAN_FRONTEND=noninteractive
    local policy=/usr/sbin/policy-rc.d cluster=/etc/postgresql-common/createcluster.d/signalbox.conf
    temporary=()
    trap 'rm -f "${temporary[@]}"' EXIT
    if [[ ! -e $policy ]]; then # an administrator's own policy stays as it is
        temporary+=("$policy")
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    if [[ ! -e $cluster ]]; then # no database cluster of the system's
        mkdir -p "${cluster%/*}"
        temporary+=("$cluster")
        echo 'create_main_cluster = false' >"$cluster"
    fi
    if ! known "$@" || ! apt_get install "$@"; then
        apt_get update
        apt_get install "$@"
    fi
    disable "$@"
}

# apt_get is silent unless it fails.
apt_get() {
    local command=$1 said
    shift
    said=$(apt-get "$command" -y -q --no-install-recommends -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold \
        -o DPkg::Lock::Timeout=300 "$@" 2>&1 </dev/null) || {
        echo "$said" >&2
        return 1
    }
}

# known: the package lists on this machine hold every package.
known() {
    local package
    for package; do
        apt-cache show "$package" >/dev/null 2>&1 || return 1
    done
}

# disable keeps what we installed from being started at the next boot, whatever starts services here.
disable() {
    local package unit
    for package; do
        case $package in
        postgresql | redis-server | prometheus) set -- "$package.service" ;;
        rabbitmq-server) set -- rabbitmq-server.service epmd.service epmd.socket ;;
        *) continue ;;
        esac
        for unit; do
            systemctl disable "$unit" || deb-systemd-helper disable "$unit" || true
            update-rc.d "${unit%.*}" disable || true
        done
    done >/dev/null 2>&1
}

with_apt() {
    local -a packages
    # shellcheck disable=SC2207 # package names hold no blanks
    packages=($(missing "$1" apt))
    echo "signalbox: installing ${packages[*]}" >&2
    if [[ $(id -u) == 0 ]]; then
        apt_install "${packages[@]}"
    elif command -v sudo >/dev/null; then
        echo "signalbox: sudo may ask for your password" >&2
        sudo -- bash "$0" --as-root "${packages[@]}"
    else
        echo "signalbox: neither root nor sudo; as root run: apt-get install ${packages[*]}" >&2
        return 1
    fi
}

# listed is what is missing, as words for a person.
listed() { missing "$1" plain | paste -sd, - | sed 's/,/, /g'; }

main() {
    if [[ ${1:-} == --as-root ]]; then
        shift
        apt_install "$@"
        return
    fi
    local purpose=${1:-up}
    [[ -n $(missing "$purpose" plain) ]] || return 0
    if command -v apt-get >/dev/null; then
        with_apt "$purpose"
    elif command -v brew >/dev/null; then
        # shellcheck disable=SC2046 # one argument a package
        brew install --quiet $(missing "$purpose" brew)
    else
        echo "signalbox: please install: $(listed "$purpose")" >&2
        return 1
    fi
    if [[ -n $(missing "$purpose" plain) ]]; then
        echo "signalbox: still missing after the installation: $(listed "$purpose")" >&2
        return 1
    fi
}

main "$@"
