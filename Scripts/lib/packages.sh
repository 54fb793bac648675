# shellcheck shell=bash
# This source file is part of the swift-lock-pool open source project.
# Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0

# Makes sure that Swift, the system's libraries and other programs are there. Needs messages.sh.

# shellcheck source=Scripts/lib/postgres.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/postgres.sh"

# The oldest Swift that the manifests accept.
readonly minimum_swift_major=6
readonly minimum_swift_minor=3

# Fails unless a Swift that is new enough can be called.
require_swift() {
    local version major minor
    command -v swift >/dev/null 2>&1 \
        || fail "Swift is not installed, or not on the PATH. Install Swift $minimum_swift_major.$minimum_swift_minor" \
            "or later from swift.org, then run this again."
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p' | head -n 1)
    [[ -n $version ]] || fail "'swift --version' does not say which version it is."
    major=${version%%.*}
    minor=${version#*.}
    if ((major < minimum_swift_major || (major == minimum_swift_major && minor < minimum_swift_minor))); then
        fail "Swift $version is too old: $minimum_swift_major.$minimum_swift_minor or later is needed."
    fi
}

# Has SwiftPM look again which files there are. The packages beside the project, whose folders are given, do not see a file that
# has come to the project since they were built.
forget_plans() {
    local folder
    for folder; do
        rm -f "$folder"/.build/*.yaml
    done
}

# Prints the Debian name of each package that is missing, one a line: of the libraries, which everything needs, and of the
# programs that the arguments name. What counts is what will be found, not which package it came from.
missing_packages() {
    local program
    if command -v pkg-config >/dev/null 2>&1; then
        pkg-config --exists sqlite3 || printf '%s\n' libsqlite3-dev
        pkg-config --exists libpq || printf '%s\n' libpq-dev
    else
        # Without it nobody can tell about the others, and to install what is there does no harm.
        printf '%s\n' pkg-config libsqlite3-dev libpq-dev
    fi
    for program in "$@"; do
        case $program in
            postgresql) postgres_programs >/dev/null ;;
            # Debian has it where only root looks.
            pgbouncer) command -v pgbouncer >/dev/null 2>&1 || [[ -x /usr/sbin/pgbouncer ]] ;;
            libevent-dev) pkg-config --exists libevent 2>/dev/null ;;
            libssl-dev) pkg-config --exists libssl 2>/dev/null ;;
            tcl) command -v tclsh >/dev/null 2>&1 ;;
            *) command -v "$program" >/dev/null 2>&1 ;;
        esac || printf '%s\n' "$program"
    done
}

# Installs packages with apt-get.
#
# $1: "sudo", or nothing if this is root. The others: the packages.
install_packages() {
    local settings=/etc/postgresql-common/createcluster.conf outcome=0
    local -a as_root=(env DEBIAN_FRONTEND=noninteractive)
    [[ -z $1 ]] || as_root=("$1" "${as_root[@]}")
    shift
    "${as_root[@]}" apt-get update -qq >&2 || fail "the list of packages could not be updated."
    # Debian would make a server and start it, now and after every restart of the computer. Only the programs are wanted:
    # it is told so for as long as this takes.
    if [[ " $* " == *" postgresql "* ]]; then
        "${as_root[@]}" apt-get install -y -qq --no-install-recommends postgresql-common >&2 \
            || fail "could not install postgresql-common."
        "${as_root[@]}" cp -p "$settings" "$settings.lockpool"
        "${as_root[@]}" pg_conftool "$settings" set create_main_cluster off
    fi
    "${as_root[@]}" apt-get install -y -qq --no-install-recommends "$@" >&2 || outcome=$?
    if [[ " $* " == *" postgresql "* ]]; then
        "${as_root[@]}" mv "$settings.lockpool" "$settings"
    fi
    ((outcome == 0)) || fail "could not install $*."
    # That of PgBouncer can only be taken back.
    if [[ " $* " == *" pgbouncer "* ]] && command -v systemctl >/dev/null 2>&1; then
        "${as_root[@]}" systemctl disable --now pgbouncer >&2 || true
    fi
}

# Installs what is missing.
#
# $1: "ask" (as root install at once, otherwise ask once and use sudo), "yes" (do not ask), or "no" (say what is missing
#     and fail). The others: the programs that are needed beside the libraries, of postgresql (with its server),
#     pgbouncer and openssl.
ensure_packages() {
    local mode=$1 answer sudo=
    local -a missing
    shift
    # Not mapfile, which the bash of macOS does not have.
    missing=()
    while IFS= read -r answer; do
        missing+=("$answer")
    done < <(missing_packages "$@")
    ((${#missing[@]} > 0)) || return 0

    if [[ $(uname -s) == Darwin ]]; then
        say "Missing: ${missing[*]} (or what macOS has in their place). Install them with"
        answer="${missing[*]}"
        answer=${answer/pkg-config/pkgconf}
        answer=${answer/libsqlite3-dev/sqlite}
        answer=${answer/libpq-dev/libpq}
        say "    brew install ${answer/postgresql/postgresql@17}"
        say "and, because libpq is not linked into the usual folders, tell pkg-config where the libraries are:"
        # shellcheck disable=SC2016
        say '    export PKG_CONFIG_PATH="$(brew --prefix libpq)/lib/pkgconfig:$(brew --prefix sqlite)/lib/pkgconfig"'
        exit 1
    fi
    [[ $mode != no ]] || fail "missing: ${missing[*]}. Install with: apt-get install ${missing[*]}"
    command -v apt-get >/dev/null 2>&1 \
        || fail "missing: ${missing[*]} (Debian's names). This system has no apt-get: install what it has in their place." \
            "Fedora calls them sqlite-devel, libpq-devel, pkgconf-pkg-config and postgresql-server."

    if ((EUID != 0)); then
        command -v sudo >/dev/null 2>&1 \
            || fail "missing: ${missing[*]}. There is no sudo; as root run: apt-get install ${missing[*]}"
        if [[ $mode == ask ]]; then
            [[ -t 0 ]] || fail "missing: ${missing[*]}. Run again with --yes to have them installed through sudo."
            read -r -p "Install ${missing[*]} through sudo? [y/N] " answer || answer=
            [[ $answer == [yY]* ]] || fail "missing: ${missing[*]}. Nothing was installed."
        fi
        sudo=sudo
    fi
    say "Installing ${missing[*]} …"
    install_packages "$sudo" "${missing[@]}"
    answer=$(missing_packages "$@")
    [[ -z $answer ]] || fail "installed, but still not found: ${answer//$'\n'/ }"
}
