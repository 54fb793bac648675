# shellcheck shell=bash
# This source file is part of the swift-lock-pool open source project.
# Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0

# What every script begins with: the project's folder, messages and option parsing.

# The folder of the project.
# shellcheck disable=SC2034 # The scripts use it.
root=$(CDPATH="" cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)

# Prints a message on standard error. Standard output is for results.
say() {
    printf '%s\n' "$*" >&2
}

heading() {
    printf '\n== %s\n' "$*" >&2
}

# Ends the script with exit code 1.
fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Ends the script with exit code 64, for an invalid command line.
misuse() {
    printf '%s: %s (see %s --help)\n' "${0##*/}" "$*" "$0" >&2
    exit 64
}

# Parses the command line of a script that defines two functions: `usage` prints the help, and
# `option` handles the argument $1. An option with a value calls `takes` before it reads $2.
#
# A script that sets `install=ask` beforehand has the options --yes and --no-install.
parse_options() {
    local used
    while (($# > 0)); do
        used=1
        case ${install:+installs}:$1 in
            *:-h | *:--help)
                usage
                exit 0
                ;;
            installs:--yes) install=yes ;;
            installs:--no-install) install=no ;;
            *) option "$@" ;;
        esac
        shift "$used"
    done
}

# Requires a value for the option $2. $1 describes the value.
takes() {
    (($# > 2)) || misuse "$2 needs $1"
    used=2
}

# Rejects an argument that the script does not know.
unknown() {
    misuse "unknown argument '$1'"
}
