# shellcheck shell=bash
# This source file is part of the swift-lock-pool open source project.
# Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0

# Fetches source packages of a Debian suite from the archive that this system installs packages
# from. Needs script.sh.

# Prints the entries of this system's Debian archives for source packages of the suite $1.
archive_lists() {
    local file
    for file in /etc/apt/sources.list.d/*.sources; do
        [[ -e $file ]] || continue
        awk -v suite="$1" '
            BEGIN { RS = ""; FS = "\n" }
            /security/ || !/\/debian\/?(\n|$)/ { next }
            {
                for (i = 1; i <= NF; i++) {
                    if ($i ~ /^Types:/) $i = "Types: deb-src"
                    if ($i ~ /^Suites:/) $i = "Suites: " suite
                    if ($i ~ /^Components:/) $i = "Components: main"
                    print $i
                }
                print ""
            }' "$file"
    done
}

# Prints the same from a list in the one-line format.
one_line_lists() {
    awk -v suite="$1" '
        $1 == "deb" {
            options = ""
            at = 2
            if ($2 ~ /^\[/) { while (at < NF && $at !~ /\]$/) { options = options " " $at; at++ } options = options " " $at; at++ }
            if ($at ~ /\/debian\/?$/) print "deb-src" options " " $at " " suite " main"
        }' /etc/apt/sources.list 2>/dev/null | sort -u | head -n 1
}

# Downloads the source package $2 of the suite $1 into the folder $3, and unpacks its upstream part
# into $3/source.
fetch_source() {
    local suite=$1 package=$2 work=$3
    local -a apt
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/source"
    archive_lists "$suite" | awk 'BEGIN { RS = ""; ORS = "\n\n" } NR == 1' >"$work/archive.sources"
    if [[ ! -s $work/archive.sources ]]; then
        rm "$work/archive.sources"
        one_line_lists "$suite" >"$work/archive.list"
        [[ -s $work/archive.list ]] || fail "no Debian archive is among this system's package sources."
    fi
    apt=(apt-get -qq -o Dir::Etc::sourcelist="$(echo "$work"/archive.*)" -o Dir::Etc::sourceparts=/dev/null
        -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User=)
    say "Fetching the source of $package in Debian $suite …"
    "${apt[@]}" update >&2 || fail "could not fetch the package list of Debian $suite."
    (cd -- "$work" && "${apt[@]}" source --download-only "$package" >&2) \
        || fail "could not fetch the source package $package."
    tar -xf "$work/$package"_*.orig.tar.* -C "$work/source" --strip-components=1
}

# Prints the end of the log $1, and fails with the message $2.
fail_with() {
    tail -n 20 -- "$1" >&2 || true
    fail "$2"
}
