# What the scripts in this folder share; to be sourced. Sets `top` and goes there.
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"
script=$(basename "$0")

# One clear line, exit 2: bad usage, or a machine that cannot.
fail() {
    echo "$script: $1" >&2
    exit 2
}

# fault NUMBER COLUMN: of properties/mutants/faults.tsv; nothing where there is no such fault. 5 are its edits, for TFSM_VARIANT.
fault() {
    awk -F '\t' -v number="$1" -v column="$2" '$1 == number { print $column }' properties/mutants/faults.tsv
}

say() {
    printf '%s: %s\n' "$script" "$1"
}

# Run a command whose output goes to a log, and say every ten seconds how far it is, by what the log says last: the per cent
# of a build, or a line of an installation.
with_progress() { # WHAT LOG COMMAND...
    local what=$1 log=$2 began=$SECONDS last=$SECONDS child status=0 at
    shift 2
    "$@" >"$log" 2>&1 &
    child=$!
    while kill -0 "$child" 2>/dev/null; do
        sleep 0.2
        [ $((SECONDS - last)) -ge 10 ] || continue
        last=$SECONDS
        at=$(grep -aoE '^\[ *[0-9]+%\]|^(Get:|Unpacking|Setting up) [^ ]+( [^ ]+)?' "$log" | tail -n 1 | tr -d '[]' || true)
        say "$what: $((SECONDS - began)) s${at:+, ${at# }}"
    done
    wait "$child" || status=$?
    return $status
}

install() {
    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

# Install the Debian packages that are not there. Needs root only when something is missing.
need_packages() {
    local missing=() package log
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] || fail "not root, and these packages are missing: ${missing[*]}"
    say "installing ${missing[*]}"
    log=$(mktemp)
    if ! with_progress installing "$log" install "${missing[@]}"; then
        tail -n 5 "$log" >&2
        rm -f "$log"
        fail "cannot install ${missing[*]}"
    fi
    rm -f "$log"
}

configure_and_build() { # PRESET OPTION...
    cmake --preset "$@" && cmake --build --preset "$1" -j "$(nproc)"
}

# Configure and build a preset; on failure show the end of what was said.
build_preset() {
    local preset=$1 log
    log=$(mktemp)
    if ! with_progress "building $preset" "$log" configure_and_build "$@"; then
        grep -E 'error|Error|warning' "$log" | head -n 20 >&2 || true
        tail -n 20 "$log" >&2
        rm -f "$log"
        echo "$script: preset $preset does not build" >&2
        exit 1
    fi
    rm -f "$log"
}

# What unshare is to do with the mounts it takes over. In a changed root there is no mount at / whose propagation could be
# made private; unshare does that for /proc alone, and /dev is one of its own.
propagation() {
    awk '$5 == "/" { found = 1 } END { exit !found }' /proc/self/mountinfo && echo private || echo unchanged
}

build_packages=(cmake make gcc g++ libc6-dev libpcap-dev zlib1g-dev libjansson-dev libxml2-dev libcmocka-dev
                librapidcheck-dev flex bison)
clang_packages=(clang-14 llvm-14 libclang-rt-14-dev)
