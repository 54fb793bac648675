# shellcheck shell=bash
# This source file is part of the swift-lock-pool open source project.
# Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0

# Finds PostgreSQL's server, and makes the certificates of a temporary server. Needs script.sh.

# Prints the folder of the server's programs, or fails. Debian does not put them on the PATH.
# pg_config comes with the client library, whose version can differ from the server's.
postgres_programs() {
    local folder found=
    if folder=$(pg_config --bindir 2>/dev/null) && [[ -x $folder/initdb ]]; then
        printf '%s\n' "$folder"
        return
    fi
    # The newest version is the last name, because all version numbers have the same number of
    # digits.
    for folder in /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin; do
        if [[ -x $folder/initdb ]]; then
            found=$folder
        fi
    done
    if [[ -z $found ]] && folder=$(command -v initdb 2>/dev/null); then
        found=$(dirname -- "$folder")
    fi
    [[ -n $found ]] || return 1
    printf '%s\n' "$found"
}

# Runs openssl, whose output is shown only if it fails.
quiet_openssl() {
    local output
    output=$(openssl "$@" 2>&1) || fail "openssl $1 failed: $output"
}

# Makes these files in the folder $1: the key server.key; the authority ca.crt; right.crt,
# expired.crt and wrongname.crt, which the authority signed for that key; stranger-ca.crt, an
# authority that signed nothing; and server.crt, the certificate in use, which is right.crt.
#
# Uses 'openssl ca' although newer commands are shorter: OpenSSL 3.0 and LibreSSL have no other way
# to date a certificate in the past.
make_certificates() (
    umask 077
    cd -- "$1" || exit
    mkdir authority
    cat >authority/ca.cnf <<'END'
[ca]
default_ca = authority
[authority]
new_certs_dir = authority
database = authority/index
serial = authority/serial
private_key = authority/ca.key
certificate = ca.crt
default_md = sha256
default_days = 30
policy = policy
unique_subject = no
[policy]
commonName = supplied
[req]
distinguished_name = name
prompt = no
[name]
commonName = unused
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[right]
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
extendedKeyUsage = serverAuth
[wrongname]
subjectAltName = DNS:other.example
extendedKeyUsage = serverAuth
END
    : >authority/index
    printf '01\n' >authority/serial

    authority() {
        quiet_openssl ecparam -name prime256v1 -genkey -noout -out "authority/$1.key"
        quiet_openssl req -x509 -new -sha256 -days 30 -config authority/ca.cnf -extensions root \
            -key "authority/$1.key" -subj "/CN=$2" -out "$1.crt"
    }
    certificate() {
        local name=$1 extensions=$2 host=$3
        shift 3
        quiet_openssl req -new -config authority/ca.cnf -key server.key -subj "/CN=$host" -out authority/request
        quiet_openssl ca -batch -notext -config authority/ca.cnf -extensions "$extensions" -in authority/request \
            -out "$name.crt" "$@"
    }

    authority ca "lockpool test authority"
    authority stranger-ca "lockpool stranger"
    quiet_openssl ecparam -name prime256v1 -genkey -noout -out server.key
    certificate right right localhost
    certificate expired right localhost -startdate 20200101000000Z -enddate 20200201000000Z
    certificate wrongname wrongname other.example
    quiet_openssl verify -CAfile ca.crt right.crt
    cp right.crt server.crt
    rm -rf authority
)
