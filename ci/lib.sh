# What the scripts in this folder share; to be sourced. Sets `top` and goes there.
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"
script=$(basename "$0")

# One clear line, exit 2: bad usage, or a machine that cannot.
fail() {
    echo "$script: $1" >&2
    exit 2
}

say() {
    printf '%s: %s\n' "$script" "$1"
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
    if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        "${missing[@]}"; } >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        rm -f "$log"
        fail "cannot install ${missing[*]}"
    fi
    rm -f "$log"
}

# Configure and build a preset quietly; on failure show the end of what was said.
build_preset() {
    local preset=$1 log
    shift
    log=$(mktemp)
    if ! { cmake --preset "$preset" "$@" && cmake --build --preset "$preset" -j "$(nproc)"; } >"$log" 2>&1; then
        grep -E 'error|Error|warning' "$log" | head -n 20 >&2 || true
        tail -n 20 "$log" >&2
        rm -f "$log"
        echo "$script: preset $preset does not build" >&2
        exit 1
    fi
    rm -f "$log"
}

build_packages=(cmake make gcc g++ libc6-dev libpcap-dev libcmocka-dev librapidcheck-dev flex bison)
clang_packages=(clang-14 llvm-14 libclang-rt-14-dev)
