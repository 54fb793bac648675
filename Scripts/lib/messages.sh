# shellcheck shell=bash
# This source file is part of the swift-lock-pool open source project.
# Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0

# What a script says and how it gives up. Sourced by the scripts one folder up.

# Standard output is for results; everything that a script says about itself goes to standard error.
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

# Ends the script with exit code 64: the command line makes no sense.
misuse() {
    printf '%s: %s (see %s --help)\n' "${0##*/}" "$*" "$0" >&2
    exit 64
}
