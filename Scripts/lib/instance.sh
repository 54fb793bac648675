# shellcheck shell=bash
# This source file is part of the swift-lock-pool open source project.
# Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0

# Temporary PostgreSQL servers: Scripts/postgres has one in its folder, and Scripts/cluster several
# in folders of its folder. Needs script.sh, postgres.sh and server.sh.

# Sets `folder` to the full path of the folder $1 of all files, `parent` to the folder around it,
# and `marker` to the file $2 in it. Only a folder with this file is ever used again or removed.
# The file contains the folder's inode and path.
use_folder() {
    # The caller's PG variables describe other servers.
    # shellcheck disable=SC2086 # Names of variables, one a word.
    unset ${!PG@}
    export LC_ALL=C
    umask 077
    folder=${1%/}
    parent=$(CDPATH="" cd -- "$(dirname -- "$folder")" 2>/dev/null && pwd -P) || fail "there is no folder for $folder."
    folder=${parent%/}/$(basename -- "$folder")
    marker=$folder/$2
    choose_server_user
}

# Makes the following functions apply to the server in the folder $1.
use_instance() {
    instance=$1
    data=$instance/data
    log=$instance/log
}

# Prints the content of the marker of this folder. A marker that was moved here from another folder
# differs.
identity() {
    ls -di -- "$folder"
}

# Whether this script made the folder for this user. The folder belongs to the server's user; the
# marker belongs to the user that runs this script, and no other user can have made it.
is_ours() {
    [[ -d $folder && ! -L $folder && -f $marker && ! -L $marker && -O $marker ]] || return 1
    ((EUID == 0)) || [[ -O $folder ]] || return 1
    [[ $(cat -- "$marker") == "$(identity)" ]]
}

# Fails if root would make a folder where another user can replace it.
check_parents() {
    local ancestor=$parent
    ((EUID == 0)) || return 0
    while true; do
        [[ -n $(find "$ancestor" -prune -user root \( -perm -1000 -o ! -perm -0002 \)) ]] \
            || fail "root makes no folder in $ancestor, which other users can change; choose another one by --folder."
        [[ $ancestor != / ]] || return 0
        ancestor=$(dirname -- "$ancestor")
    done
}

# Makes the folder, unless it is an empty folder of this user.
make_folder() {
    check_parents
    if [[ -e $folder || -L $folder ]]; then
        # shellcheck disable=SC2015 # Any of the three can fail.
        [[ -d $folder && ! -L $folder && -O $folder && -z $(ls -A -- "$folder") ]] \
            && chmod 700 -- "$folder" && [[ -z $(ls -A -- "$folder") ]] \
            || fail "$folder exists already, and is not an empty folder of yours."
    else
        mkdir -- "$folder"
    fi
}

# Sets `programs` to the folder of PostgreSQL's programs. $1 is the path of the server's folder.
require_programs() {
    local path=$1/.s.PGSQL.65535
    ((${#path} < 104)) || fail "the path of the folder is too long for a socket: $1"
    programs=$(postgres_programs) \
        || fail "PostgreSQL's server is not installed. Install the package postgresql (Debian, Ubuntu)," \
            "postgresql-server (Fedora) or postgresql@17 (Homebrew)."
    command -v openssl >/dev/null 2>&1 || fail "openssl is not installed; it makes the server's certificates."
}

# Makes the server's user the owner of the server's folder, except the marker.
hand_over() {
    ((EUID == 0)) || return 0
    # The folder last, so that until then only root can change its content.
    find "$instance" -mindepth 1 ! -path "$marker" -exec chown -h "$server_user" {} +
    chown "$server_user" "$instance"
    as_server test -w "$instance" \
        || fail "the user $server_user cannot write to $instance; choose another one by --folder."
}

# Makes the server's data, with the database lockpool.
make_data() {
    logged "$instance/bin/initdb" --pgdata "$data" --username lockpool --pwfile "$instance/password" \
        --auth scram-sha-256 --encoding UTF8 --locale C --no-sync \
        || fail_with_log "initdb failed."
    # In single-user mode, so that no client connects before the database exists.
    logged "$instance/bin/postgres" --single -D "$data" postgres <<<'CREATE DATABASE lockpool' \
        || fail_with_log "could not create the database."
}

quoted() {
    printf "'%s'" "${1//\'/\'\'}"
}

# Appends to postgresql.conf what all servers have, the lines in the arguments, and the settings.
# Relative paths begin at the server's data, so that a copy in another folder is right.
write_settings() {
    local setting
    {
        printf '%s\n' "listen_addresses = '127.0.0.1,::1'" "unix_socket_directories = '..'"
        printf '%s\n' "ssl = on" "ssl_cert_file = '../server.crt'" "ssl_key_file = '../server.key'"
        printf '%s\n' "password_encryption = 'scram-sha-256'" "fsync = off"
        # Mapped files are removed with the folder, even if the server is killed.
        printf '%s\n' "dynamic_shared_memory_type = 'mmap'"
        printf '%s\n' "log_line_prefix = '%m [%p] %q%u@%d %a '" "$@"
        for setting in ${settings[@]+"${settings[@]}"}; do
            printf '%s = %s\n' "${setting%%=*}" "$(quoted "${setting#*=}")"
        done
    } | append_to_file "$data/postgresql.conf"
}

# Prints the lines of pg_hba.conf that require a password for the database $1.
password_rules() {
    printf '%s\n' "local $1 all scram-sha-256" \
        "hostssl $1 all 127.0.0.1/32 scram-sha-256" "hostssl $1 all ::1/128 scram-sha-256" \
        "host $1 all 127.0.0.1/32 scram-sha-256" "host $1 all ::1/128 scram-sha-256"
}

as_server() (
    exec_as_server "$@"
)

# Writes standard input to the file $1 as the server's user. Root itself writes nothing into a
# folder of another user, which could contain a link to any file.
write_file() {
    # shellcheck disable=SC2016 # For the shell that is started.
    as_server sh -c 'umask 077; cat >"$1"' sh "$1"
}

append_to_file() {
    # shellcheck disable=SC2016
    as_server sh -c 'umask 077; cat >>"$1"' sh "$1"
}

read_file() {
    as_server cat -- "$1" 2>/dev/null
}

# Runs a program as the server's user, and appends its output to the log.
logged() {
    # shellcheck disable=SC2016
    as_server sh -c 'umask 077; log=$1; shift; exec "$@" >>"$log" 2>&1' sh "$log" "$@"
}

# Prints the number of the server's first process if it runs. Another process can have the number
# of a killed server by now, so its name is compared.
server_process() {
    local pid name
    pid=$(read_file "$data/postmaster.pid" | head -n 1) || return 1
    [[ $pid =~ ^[1-9][0-9]*$ ]] || return 1
    is_alive "$pid" || return 1
    name=$(ps -p "$pid" -o comm= 2>/dev/null || cat "/proc/$pid/comm" 2>/dev/null) || return 1
    [[ $name == *postgres* || $name == *postmaster* ]] || return 1
    printf '%s\n' "$pid"
}

# Prints the numbers of the processes whose parent is $1.
children() {
    if [[ -r /proc/$1/task/$1/children ]]; then
        cat "/proc/$1/task/$1/children"
    else
        ps -A -o pid= -o ppid= | awk -v parent="$1" '$2 == parent { print $1 }'
    fi
}

# Sends the signal $1 to the process $2 as the server's user, which cannot signal the processes of
# other users.
send_signal() {
    # shellcheck disable=SC2016
    as_server sh -c 'kill -s "$1" "$2"' sh "$1" "$2" 2>/dev/null || true
}

# Sends the signal $1 to every process of the server.
signal_server() {
    local server pid processes
    server=$(server_process) || return 1
    # The stopped server starts no process that the list misses.
    send_signal STOP "$server"
    processes="$(children "$server") $server"
    for pid in $processes; do
        send_signal "$1" "$pid"
    done
    if [[ $1 == KILL ]]; then
        for pid in $processes; do
            while is_alive "$pid"; do
                sleep 0.02
            done
        done
    elif [[ $1 != STOP ]]; then
        send_signal CONT "$server"
    fi
}

pg_ctl() {
    as_server "$instance/bin/pg_ctl" --pgdata "$data" --silent --timeout 60 "$@"
}

# Stops the server, even if it is frozen.
halt_server() {
    server_process >/dev/null || return 0
    signal_server CONT || true
    pg_ctl stop --mode immediate >/dev/null 2>&1 || signal_server KILL || true
}

# Removes the shared memory of a killed server. Line 7 of postmaster.pid has the number of its
# segment.
remove_shared_memory() {
    local segment
    segment=$(read_file "$data/postmaster.pid" | awk 'NR == 7 { print $2 }') || return 0
    if [[ $segment =~ ^[0-9]+$ ]]; then
        as_server ipcrm -m "$segment" >/dev/null 2>&1 || true
    fi
}

# Removes the files of a killed server whose process number is in use: it is a zombie, or another
# process has the number. Otherwise PostgreSQL would refuse to start.
remove_stale_files() {
    local pid
    pid=$(read_file "$data/postmaster.pid" | head -n 1) || return 0
    [[ $pid =~ ^[1-9][0-9]*$ ]] || return 0
    if ! server_process >/dev/null && kill -0 "$pid" 2>/dev/null; then
        remove_shared_memory
        # shellcheck disable=SC2016
        as_server sh -c 'rm -f -- "$1/data/postmaster.pid" "$1"/.s.PGSQL.*.lock' sh "$instance"
    fi
}

# Prints the end of the log, and fails.
fail_with_log() {
    read_file "$log" | tail -n 20 >&2 || true
    fail "$*"
}

# Starts the server on the port in the file. Returns 2 if that port is in use, also if it is in use
# at only one of the two addresses, in which case PostgreSQL itself would continue.
launch() {
    local before wanted
    wanted=$(read_file "$instance/port")
    remove_stale_files
    before=$(read_file "$log" | wc -l)
    if pg_ctl start --log "$log" --options "-p $wanted" >/dev/null 2>&1; then
        read_file "$log" | tail -n "+$((before + 1))" | grep 'could not bind .*: Address already in use' >/dev/null || return 0
        halt_server
        return 2
    fi
    read_file "$log" | tail -n "+$((before + 1))" | grep ': Address already in use' >/dev/null || return 1
    return 2
}

# Starts a new server on a free port.
launch_on_free_port() {
    local attempt outcome
    # Only an attempt shows that a port is free. These ports are below those that clients get, so
    # that no client has the port when the server starts again.
    for attempt in 1 2 3 4 5 6 7 8 9 10; do
        outcome=0
        printf '%s\n' "$((15000 + RANDOM % 17000))" | write_file "$instance/port"
        launch || outcome=$?
        ((outcome == 2)) || break
    done
    ((outcome != 2)) || fail "found no free port in $attempt attempts."
    ((outcome == 0)) || fail_with_log "the server did not start."
}

# Starts a server that was made before, on its port.
launch_again() {
    local outcome=0
    launch || outcome=$?
    ((outcome != 2)) || fail "another process has taken port $(read_file "$instance/port")."
    ((outcome == 0)) || fail_with_log "the server did not start."
}

# Runs `dismantle` of the script when the process $watched has ended, unless the folder was removed
# before.
watch() {
    local token="$$ $RANDOM$RANDOM"
    printf '%s\n' "$token" | write_file "$instance/watch"
    (
        trap - EXIT
        trap '' HUP INT TERM
        cd /
        while is_ours && [[ $(read_file "$instance/watch") == "$token" ]]; do
            if ! is_alive "$watched"; then
                dismantle
                break
            fi
            sleep 1
        done
    ) </dev/null >/dev/null 2>&1 &
}
