# shellcheck shell=bash
# This source file is part of the swift-lock-pool open source project.
# Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0

# Checks that Swift, the system's libraries and other programs are installed, and installs them.
# Needs script.sh.

# shellcheck source=Scripts/lib/postgres.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/postgres.sh"

# The oldest version of Swift that the manifests accept.
readonly minimum_swift_major=6
readonly minimum_swift_minor=3

# Fails unless a recent version of Swift is on the PATH.
require_swift() {
    local version major minor
    command -v swift >/dev/null 2>&1 \
        || fail "Swift is not installed, or not on the PATH. Install Swift $minimum_swift_major.$minimum_swift_minor" \
            "or later from swift.org, then run this again."
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p' | head -n 1)
    [[ -n $version ]] || fail "'swift --version' prints no version."
    major=${version%%.*}
    minor=${version#*.}
    if ((major < minimum_swift_major || (major == minimum_swift_major && minor < minimum_swift_minor))); then
        fail "Swift $version is too old: $minimum_swift_major.$minimum_swift_minor or later is needed."
    fi
}

# Removes SwiftPM's build plans of the packages in the given folders. SwiftPM does not notice files
# that were added to a local dependency after the plan was made.
forget_plans() {
    local folder
    for folder; do
        rm -f "$folder"/.build/*.yaml
    done
}

# Prints the Debian name of each missing package, one a line: the libraries, which every script
# needs, and the programs that the arguments name. Tests what is found, not which package it came
# from.
missing_packages() {
    local program
    if command -v pkg-config >/dev/null 2>&1; then
        pkg-config --exists sqlite3 || printf '%s\n' libsqlite3-dev
        pkg-config --exists libpq || printf '%s\n' libpq-dev
    else
        # Without pkg-config the libraries cannot be found. Installing a package again does no
        # harm.
        printf '%s\n' pkg-config libsqlite3-dev libpq-dev
    fi
    for program in "$@"; do
        case $program in
            postgresql) postgres_programs >/dev/null ;;
            # Debian installs it outside an ordinary user's PATH.
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
# $1: "sudo", or empty if this is root. The other arguments: the packages.
install_packages() {
    local settings=/etc/postgresql-common/createcluster.conf outcome=0
    local -a as_root=(env DEBIAN_FRONTEND=noninteractive)
    [[ -z $1 ]] || as_root=("$1" "${as_root[@]}")
    shift
    "${as_root[@]}" apt-get update -qq >&2 || fail "could not update the package list."
    # By default, Debian's package makes a server and starts it, now and at every boot. This
    # setting prevents that during the installation.
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
    # PgBouncer's package starts its service. It has no setting against that, so the service is
    # disabled.
    if [[ " $* " == *" pgbouncer "* ]] && command -v systemctl >/dev/null 2>&1; then
        "${as_root[@]}" systemctl disable --now pgbouncer >&2 || true
    fi
}

# Installs missing packages.
#
# $1: "ask" (root installs without asking, other users are asked once and sudo is used), "yes" (do
#     not ask), or "no" (list missing packages and fail). The other arguments: the required
#     programs beside the libraries, such as postgresql (with its server), pgbouncer and openssl.
ensure_packages() {
    local mode=$1 answer sudo=
    local -a missing
    shift
    # The bash of macOS has no mapfile.
    missing=()
    while IFS= read -r answer; do
        missing+=("$answer")
    done < <(missing_packages "$@")
    ((${#missing[@]} > 0)) || return 0

    if [[ $(uname -s) == Darwin ]]; then
        say "Missing: ${missing[*]} (or their equivalents on macOS). Install them with"
        answer="${missing[*]}"
        answer=${answer/pkg-config/pkgconf}
        answer=${answer/libsqlite3-dev/sqlite}
        answer=${answer/libpq-dev/libpq}
        say "    brew install ${answer/postgresql/postgresql@17}"
        say "Homebrew does not link libpq into the default folders, so set the search path of pkg-config:"
        # shellcheck disable=SC2016
        say '    export PKG_CONFIG_PATH="$(brew --prefix libpq)/lib/pkgconfig:$(brew --prefix sqlite)/lib/pkgconfig"'
        exit 1
    fi
    [[ $mode != no ]] || fail "missing: ${missing[*]}. Install with: apt-get install ${missing[*]}"
    command -v apt-get >/dev/null 2>&1 \
        || fail "missing: ${missing[*]} (Debian's names). This system has no apt-get: install its equivalents." \
            "Fedora calls them sqlite-devel, libpq-devel, pkgconf-pkg-config and postgresql-server."

    if ((EUID != 0)); then
        command -v sudo >/dev/null 2>&1 \
            || fail "missing: ${missing[*]}. There is no sudo; as root run: apt-get install ${missing[*]}"
        if [[ $mode == ask ]]; then
            [[ -t 0 ]] || fail "missing: ${missing[*]}. Run again with --yes to install them through sudo."
            read -r -p "Install ${missing[*]} through sudo? [y/N] " answer || answer=
            [[ $answer == [yY]* ]] || fail "missing: ${missing[*]}. Nothing was installed."
        fi
        sudo=sudo
    fi
    say "Installing ${missing[*]} …"
    install_packages "$sudo" "${missing[@]}"
    answer=$(missing_packages "$@")
    [[ -z $answer ]] || fail "installed but not found: ${answer//$'\n'/ }"
}
