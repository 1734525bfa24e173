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
# Builds the fuzz targets for ClusterFuzzLite, which wants what OSS-Fuzz wants.
# Exit: that of ci/oss-fuzz/build.sh.
#
# usage: .clusterfuzzlite/build.sh
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '/^# Builds/,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0"; exit 0 ;; esac
exec bash -eux "$SRC/tcpfsm/ci/oss-fuzz/build.sh"
