# shellcheck shell=bash
# This source file is part of the swift-lock-pool open source project.
# Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0

# Makes sure that Swift and the system's libraries are there. Needs messages.sh.

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

# Prints the Debian name of each package that is missing, one a line. What counts is what the compiler will find, not
# which package it came from.
missing_packages() {
    if ! command -v pkg-config >/dev/null 2>&1; then
        # Without it nobody can tell about the others, and to install what is there does no harm.
        printf '%s\n' pkg-config libsqlite3-dev libpq-dev
        return
    fi
    pkg-config --exists sqlite3 || printf '%s\n' libsqlite3-dev
    pkg-config --exists libpq || printf '%s\n' libpq-dev
}

# Installs what is missing.
#
# $1: "ask" (as root install at once, otherwise ask once and use sudo), "yes" (do not ask), or "no" (say what is missing
#     and fail).
ensure_packages() {
    local mode=$1 answer
    local -a missing apt
    # Not mapfile, which the bash of macOS does not have.
    missing=()
    while IFS= read -r answer; do
        missing+=("$answer")
    done < <(missing_packages)
    ((${#missing[@]} > 0)) || return 0

    if [[ $(uname -s) == Darwin ]]; then
        say "Missing: ${missing[*]} (or what macOS has in their place). Install them with"
        say "    brew install pkgconf sqlite libpq"
        say "and, because libpq is not linked into the usual folders, tell pkg-config where they are:"
        # shellcheck disable=SC2016
        say '    export PKG_CONFIG_PATH="$(brew --prefix libpq)/lib/pkgconfig:$(brew --prefix sqlite)/lib/pkgconfig"'
        exit 1
    fi
    [[ $mode != no ]] || fail "missing: ${missing[*]}. Install with: apt-get install ${missing[*]}"
    command -v apt-get >/dev/null 2>&1 \
        || fail "missing: ${missing[*]} (Debian's names). This system has no apt-get: install what it has in their place." \
            "Fedora calls them sqlite-devel, libpq-devel and pkgconf-pkg-config."

    apt=(env DEBIAN_FRONTEND=noninteractive apt-get)
    if ((EUID != 0)); then
        command -v sudo >/dev/null 2>&1 \
            || fail "missing: ${missing[*]}. There is no sudo; as root run: apt-get install ${missing[*]}"
        if [[ $mode == ask ]]; then
            [[ -t 0 ]] || fail "missing: ${missing[*]}. Run again with --yes to have them installed through sudo."
            read -r -p "Install ${missing[*]} through sudo? [y/N] " answer || answer=
            [[ $answer == [yY]* ]] || fail "missing: ${missing[*]}. Nothing was installed."
        fi
        apt=(sudo "${apt[@]}")
    fi
    say "Installing ${missing[*]} …"
    "${apt[@]}" update -qq >&2 || fail "the list of packages could not be updated."
    "${apt[@]}" install -y -qq --no-install-recommends "${missing[@]}" >&2 \
        || fail "could not install ${missing[*]}."
    answer=$(missing_packages)
    [[ -z $answer ]] || fail "installed, but pkg-config still does not find: ${answer//$'\n'/ }"
}
