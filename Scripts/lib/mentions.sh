# shellcheck shell=bash
# This source file is part of the swift-lock-pool open source project.
# Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0

# Checks that users can find each public symbol: its name is in the code of a guide, a landing
# page, an example, an integration or the tool. Code of a document is what stands within backticks,
# in a fenced block or indented by four spaces.

# Prints the words of that code.
mentioned_words() {
    find README.md Docs Examples Integrations/Sources Tools/lockpool/Sources Sources/*/Documentation.docc \
        -name '.build*' -prune -o -type f \( -name '*.md' -o -name '*.swift' \) \
        ! -path Docs/Architecture.md -print0 | xargs -0 awk '
        FNR == 1 { fenced = 0; document = FILENAME ~ /[.]md$/ }
        document && /^ *```/ { fenced = !fenced; next }
        {
            code = $0
            if (!document) {
                sub(/(^|[ \t])\/\/.*/, "", code)
            } else if (!fenced && code !~ /^    /) {
                count = split($0, parts, /`+/)
                code = ""
                for (i = 2; i <= count; i += 2) code = code " " parts[i]
            }
            gsub(/[^A-Za-z0-9_]+/, "\n", code)
            print code
        }' | sort -u
}

# Prints LIBRARY<tab>PATH for each public symbol in the symbol graphs below the folder $1 of the
# libraries that follow. A path ends before the parentheses of a function. Initializers, subscripts
# and operators have no name to look for, and synthesized symbols belong to other modules.
public_symbols() {
    local folder=$1 library graph
    shift
    for library; do
        for graph in "$folder/$library.symbols.json" "$folder/$library@"*.symbols.json; do
            [[ -f $graph ]] || continue
            # The compiler writes a graph in one line, in which each symbol begins with its kind,
            # its identifier and its path.
            awk -v library="$library" '{
                count = split($0, symbols, /[{]"kind":[{]"identifier":"/)
                for (i = 2; i <= count; i += 1) {
                    symbol = symbols[i]
                    if (symbol ~ /^swift[.](init|deinit|subscript|func[.]op)"/) continue
                    if (symbol !~ /"accessLevel":"(public|open)"/) continue
                    start = index(symbol, "\"pathComponents\":[")
                    if (start == 0 || substr(symbol, 1, start) ~ /::SYNTHESIZED::/) continue
                    path = substr(symbol, start + 18)
                    sub(/\].*/, "", path)
                    sub(/[(].*/, "", path)
                    gsub(/"/, "", path)
                    gsub(/,/, ".", path)
                    print library "\t" path
                }
            }' "$graph"
        done
    done | sort -u
}

# Prints each public symbol that no code mentions and Scripts/lib/unmentioned.txt does not list,
# and each entry of that file that is not needed. Returns 1 if there are any. The arguments are
# those of public_symbols; the current folder is the project's.
check_mentions() {
    local LC_ALL=C list=Scripts/lib/unmentioned.txt
    export LC_ALL
    awk -F '\t' -v list="$list" '
        FNR == 1 { file += 1 }
        file == 1 { mentioned[$0] = 1; next }
        file == 2 && ($0 == "" || /^#/) { next }
        file == 2 && /^reason [A-Za-z]/ { reason = $0; next }
        file == 2 {
            if (reason == "") { printf "%s: %s needs a reason\n", list, $0; failed = 1 }
            listed[$0] = 1
            next
        }
        {
            symbols += 1
            name = $2
            sub(/.*[.]/, "", name)
            if (name in mentioned) next
            if ($2 in listed || name in listed) { needed[$2] = needed[name] = 1; next }
            printf "%s: %s is in no guide or example\n", $1, $2
            failed = 1
        }
        END {
            if (symbols == 0) { print "there is no symbol graph"; exit 1 }
            for (entry in listed) {
                if (entry in needed) continue
                printf "%s: the entry %s is not needed\n", list, entry
                failed = 1
            }
            exit failed
        }' <(mentioned_words) "$list" <(public_symbols "$@")
}
