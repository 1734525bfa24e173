#!/usr/bin/env bash
# Copyright 2026 The tcpfsm authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
#
# Builds the fuzz targets as OSS-Fuzz and ClusterFuzzLite want them: reads CC, CXX, CFLAGS, CXXFLAGS, LIB_FUZZING_ENGINE, SRC
# (the tree is SRC/tcpfsm), WORK and OUT, and fills OUT with each target, its seeds as an archive, its options and, where
# there is one, its dictionary. Needs cmake, make, bison, flex and zip.
# Exit: 0 built, any other status: the step that failed has said why.
#
# usage: ci/oss-fuzz/build.sh
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '/^# Builds/,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0"; exit 0 ;; esac
top=$SRC/tcpfsm
targets=(fuzz_trace fuzz_pair fuzz_listener fuzz_endpoint fuzz_wire fuzz_engine fuzz_prose fuzz_step fuzz_script)

# One folder for each kind of build: no object of one is taken for another's.
build=$WORK/tcpfsm-${FUZZING_ENGINE:-engine}-${SANITIZER:-none}-${ARCHITECTURE:-host}
cmake -S "$top" -B "$build" -DTFSM_FUZZ=external -DTFSM_FUZZING_ENGINE="$LIB_FUZZING_ENGINE" -DTFSM_TESTS=OFF -DBUILD_SHARED_LIBS=OFF
cmake --build "$build" -j "$(nproc)" --target "${targets[@]}"

seeds=$(mktemp -d)
trap 'rm -rf "$seeds"' EXIT
# FROM TO: each file gets its sum as name, for the folders of FROM may have one name for different octets.
seed() (
    set +x # thousands of lines
    find "$1" -type f ! -name '*.tsv' -exec sha1sum {} + |
        while read -r sum file; do cp "$file" "$2/$sum"; done
)
for target in "${targets[@]}"; do
    cp "$build/$target" "$OUT/"

    # Programs grow slow with their length, and 320 octets are what ci/fuzz gives them.
    from=$target longest=320
    case $target in
    fuzz_engine | fuzz_prose) from=fuzz_trace ;;
    fuzz_script) from=scripts longest=5120 ;; # the longest there is has 4.8 KiB
    fuzz_step) longest=640 ;; # a TCB takes most of 500
    fuzz_wire) longest=2048 ;;
    esac
    mkdir "$seeds/$target"
    for folder in "$top/corpus/$from" "$top/corpus/regress/$from"; do
        if [ -d "$folder" ]; then
            seed "$folder" "$seeds/$target"
        fi
    done
    rm -f "$OUT/${target}_seed_corpus.zip"
    (cd "$seeds/$target" && zip -q -r "$OUT/${target}_seed_corpus.zip" .)

    printf '[libfuzzer]\nmax_len = %d\n' "$longest" >"$OUT/$target.options"
    dictionary=$top/corpus/dictionaries/$target.dict
    if [ -e "$dictionary" ]; then
        install -m 644 "$dictionary" "$OUT/"
    fi
done
