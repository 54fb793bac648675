# shellcheck shell=bash
# This source file is part of the swift-lock-pool open source project.
# Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0

# Running servers for tests in folders of their own. Needs script.sh, and the variable `folder`.

# Sets `server_user` to the user that the server runs as. No server runs as root.
choose_server_user() {
    local candidate
    server_user=$(id -un)
    ((EUID == 0)) || return 0
    for candidate in postgres _postgres "${SUDO_USER:-}" nobody; do
        if [[ -n $candidate && $candidate != root ]] && id -u "$candidate" >/dev/null 2>&1; then
            server_user=$candidate
            return
        fi
    done
    fail "this server does not run as root, and there is no other user that it can run as."
}

# Replaces this shell with a program that runs as that user, in a folder that the user can enter.
exec_as_server() {
    cd /
    ((EUID == 0)) || exec "$@"
    if command -v setpriv >/dev/null 2>&1; then
        exec setpriv --reuid "$server_user" --regid "$(id -g "$server_user")" --init-groups -- "$@"
    fi
    command -v sudo >/dev/null 2>&1 || fail "to run a program as $server_user, install setpriv or sudo."
    exec sudo -u "$server_user" -- "$@"
}

# Whether a process exists and is not a zombie.
is_alive() {
    local state
    kill -0 "$1" 2>/dev/null || return 1
    if [[ -r /proc/$1/stat ]]; then
        state=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) || return 1
        [[ ${state%% *} != [ZX] ]]
    fi
}

# Closes inherited file descriptors. The server would keep them open for as long as it runs: a
# pipe, for example, whose reader waits for its end.
close_descriptors() {
    local descriptor
    for ((descriptor = 3; descriptor < 255; descriptor++)); do
        eval "exec $descriptor>&-"
    done
}

# Removes the folder in one step, so that no other process sees a part of it. It is moved into a
# new folder first, which no other user can have made.
remove_folder() {
    local gone
    # shellcheck disable=SC2154 # The scripts set it.
    if gone=$(mktemp -d "$folder.gone.XXXXXX" 2>/dev/null) && mv -- "$folder" "$gone/" 2>/dev/null; then
        rm -rf -- "$gone"
    else
        rm -rf -- ${gone:+"$gone"} "$folder"
    fi
}
