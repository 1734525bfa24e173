# What is built around the library where tcpfsm is the project itself: the worked example of embedding, the harness, the
# command and the fuzz targets; the tests are in properties/. What lacks a package is left out, with a line that names it;
# TFSM_COMPLETE makes that an error.
option(TFSM_SANITIZE "ASan and UBSan, any finding fatal" OFF)
option(TFSM_TESTS "build the tests" ON)
option(TFSM_COMPLETE "nothing may be left out for want of a package" OFF)
option(TFSM_WERROR "warnings are errors" OFF)
set(TFSM_FUZZ "OFF" CACHE STRING "OFF, libfuzzer or afl")
option(TFSM_MUTANTS "tests only: shared libraries, of which ci/mutants puts broken ones in the place of right ones" OFF)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

# One line for what is left out, and the Debian package to install.
function(left_out what package)
  if(TFSM_COMPLETE)
    message(FATAL_ERROR "${what} cannot be built: install the package ${package}")
  endif()
  message(STATUS "tcpfsm: ${what}: left out, for want of the package ${package}")
endfunction()

include(CheckLanguage)
if(NOT CMAKE_CXX_COMPILER)
  unset(CMAKE_CXX_COMPILER CACHE) # it may have come since: what was not found once is looked for again
endif()
check_language(CXX)
if(CMAKE_CXX_COMPILER)
  enable_language(CXX)
else()
  left_out("property tests and benchmarks" g++)
endif()

# Flags of everything here, and of nobody who uses the installed library.
add_library(flags INTERFACE)
target_compile_options(flags INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wswitch-enum)
if(TFSM_WERROR)
  target_compile_options(flags INTERFACE -Werror)
endif()
if(TFSM_SANITIZE)
  set(groups address,undefined)
  if(CMAKE_C_COMPILER_ID MATCHES Clang)
    string(APPEND groups ,alignment,pointer-overflow,local-bounds,implicit-conversion)
  endif()
  target_compile_options(flags INTERFACE -fsanitize=${groups} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(flags INTERFACE -fsanitize=${groups})
endif()

# ---- the product ----
set(kind STATIC)
if(TFSM_MUTANTS) # a broken copy takes the place of a right one by LD_LIBRARY_PATH
  set(kind SHARED)
  set(CMAKE_SKIP_BUILD_RPATH ON)
endif()
target_link_libraries(libtcpfsm PRIVATE $<BUILD_INTERFACE:flags>)
if(TFSM_SANITIZE AND CMAKE_C_COMPILER_ID MATCHES Clang)
  # In the product unsigned numbers wrap only where seq.h says so.
  target_compile_options(libtcpfsm PRIVATE -fsanitize=unsigned-integer-overflow)
endif()

# ---- the worked example of embedding ----
file(GLOB endpoint_sources CONFIGURE_DEPENDS harness/endpoint/*.c)
add_library(endpoint ${kind} ${endpoint_sources})
target_include_directories(endpoint PUBLIC harness/endpoint)
target_link_libraries(endpoint PUBLIC libtcpfsm PRIVATE flags)

# ---- the engines: whatever is linked with this calls tfsm_step() and tfsm_output() by way of harness/engine/machine.c ----
add_library(engine STATIC harness/engine/interpreter.c harness/engine/machine.c harness/engine/variant.c)
target_include_directories(engine PUBLIC harness/engine)
target_link_libraries(engine PUBLIC libtcpfsm PRIVATE flags)
set(entrances LINKER:--wrap=tfsm_step LINKER:--wrap=tfsm_step_traced LINKER:--wrap=tfsm_output
    LINKER:--wrap=tfsm_has_nothing)
target_link_options(engine INTERFACE ${entrances})
if(TFSM_MUTANTS) # the calls within a shared object, too, whoever loads it
  target_link_options(engine INTERFACE LINKER:--undefined=__wrap_tfsm_step)
  target_link_options(libtcpfsm PRIVATE ${entrances})
  target_link_options(endpoint PRIVATE ${entrances})
endif()
add_executable(generate harness/engine/generate.c)
target_link_libraries(generate PRIVATE engine flags)

# ---- the harness ----
add_library(harness STATIC
  harness/coverage.c harness/decode.c harness/host.c harness/host_packet.c harness/listen.c harness/listen_account.c
  harness/monitor.c harness/monitor_duty.c harness/monitor_rtt.c harness/pair.c
  harness/program/packet_program.c harness/program/repair.c harness/run.c)
target_include_directories(harness PUBLIC harness harness/program)
target_compile_definitions(harness PUBLIC _GNU_SOURCE)
if(NOT TFSM_PROFILE STREQUAL "") # programs keep to what this library can do
  target_compile_definitions(harness PRIVATE "HARNESS_PROFILE=(${profile})")
endif()
target_link_libraries(harness PUBLIC engine libtcpfsm endpoint PRIVATE flags)

# The simulated network between two of them.
add_library(sim STATIC harness/sim/siege.c harness/sim/sim.c harness/sim/wire.c)
target_include_directories(sim PUBLIC harness/sim)
target_link_libraries(sim PUBLIC harness endpoint PRIVATE flags)
add_executable(simulate harness/sim/simulate.c)
target_link_libraries(simulate PRIVATE sim flags)

# What it takes to run it as somebody else's stack: sockets, settings, packetdrill's plug-in. The shared object has objects
# of its own, which are position independent, and shows a single symbol.
find_package(Threads REQUIRED)
file(GLOB stacks_sources CONFIGURE_DEPENDS harness/stacks/*.c)
add_library(stacks STATIC ${stacks_sources})
target_include_directories(stacks PUBLIC harness/stacks)
# Whoever makes a plug-in of his own links these.
set_target_properties(endpoint stacks PROPERTIES POSITION_INDEPENDENT_CODE ON)
target_compile_definitions(stacks PUBLIC _GNU_SOURCE)
target_link_libraries(stacks PUBLIC endpoint Threads::Threads PRIVATE flags)
if(NOT TFSM_PROFILE STREQUAL "")
  target_compile_definitions(stacks PRIVATE "STACKS_PROFILE=(${profile})")
endif()
if(TFSM_FUZZ STREQUAL "OFF")
  get_target_property(core_sources libtcpfsm SOURCES)
  add_library(packetdrill_plugin MODULE ${stacks_sources} ${endpoint_sources} ${core_sources})
  set_target_properties(packetdrill_plugin PROPERTIES OUTPUT_NAME tcpfsm_packetdrill PREFIX lib
                        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}
                        LINK_DEPENDS ${PROJECT_SOURCE_DIR}/harness/stacks/packetdrill.map)
  target_include_directories(packetdrill_plugin PRIVATE harness/stacks harness/endpoint fsm)
  target_compile_definitions(packetdrill_plugin PRIVATE _GNU_SOURCE)
  target_link_options(packetdrill_plugin PRIVATE LINKER:--version-script=${PROJECT_SOURCE_DIR}/harness/stacks/packetdrill.map)
  target_link_libraries(packetdrill_plugin PRIVATE Threads::Threads flags)
  install(TARGETS packetdrill_plugin LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT command)
endif()

# Scripts in packetdrill's language. Generated code is not held to our warnings.
find_package(BISON 3.6 QUIET)
find_package(FLEX QUIET)
if(NOT BISON_FOUND OR NOT FLEX_FOUND)
  left_out("what reads scripts, the command with it" "bison, flex")
else()
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/script)
bison_target(script_grammar harness/script/grammar.y ${CMAKE_BINARY_DIR}/script/grammar.c
             DEFINES_FILE ${CMAKE_BINARY_DIR}/script/grammar.h)
flex_target(script_lexer harness/script/lexer.l ${CMAKE_BINARY_DIR}/script/lexer.c
            DEFINES_FILE ${CMAKE_BINARY_DIR}/script/lexer.h)
add_flex_bison_dependency(script_lexer script_grammar)
set_source_files_properties(${BISON_script_grammar_OUTPUTS} ${FLEX_script_lexer_OUTPUTS} PROPERTIES COMPILE_OPTIONS -w)
file(GLOB script_sources CONFIGURE_DEPENDS harness/script/*.c)
add_library(script STATIC ${script_sources} ${BISON_script_grammar_OUTPUTS} ${FLEX_script_lexer_OUTPUTS})
target_include_directories(script PUBLIC harness/script PRIVATE ${CMAKE_BINARY_DIR}/script)
target_compile_definitions(script PUBLIC _GNU_SOURCE)
target_link_libraries(script PUBLIC libtcpfsm stacks PRIVATE flags)
endif()

set(fuzz_targets fuzz_trace fuzz_pair fuzz_listener fuzz_endpoint fuzz_wire fuzz_engine)
if(TARGET script)
  list(APPEND fuzz_targets fuzz_script)
endif()
if(TFSM_FUZZ STREQUAL "libfuzzer")
  if(NOT CMAKE_C_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "TFSM_FUZZ=libfuzzer needs clang")
  endif()
  # Comparisons are not traced: the rule counters guide better and cost less.
  target_compile_options(flags INTERFACE -fsanitize=fuzzer-no-link -fno-sanitize-coverage=trace-cmp,stack-depth)
  set(fuzz_link -fsanitize=fuzzer)
elseif(TFSM_FUZZ STREQUAL "afl")
  set(fuzz_link -fsanitize=fuzzer) # afl-clang-fast takes this for its own driver
endif()
if(NOT TFSM_FUZZ STREQUAL "OFF")
  target_compile_definitions(harness PRIVATE TFSM_FUZZ)
endif()
add_library(fuzz_common STATIC harness/fuzz/reach.c harness/fuzz/target.c)
target_include_directories(fuzz_common PUBLIC harness/fuzz)
target_link_libraries(fuzz_common PUBLIC harness PRIVATE flags)
foreach(target ${fuzz_targets})
  add_executable(${target} harness/fuzz/${target}.c)
  target_link_libraries(${target} PRIVATE fuzz_common flags)
  if(fuzz_link)
    target_link_options(${target} PRIVATE ${fuzz_link})
  else()
    target_sources(${target} PRIVATE harness/fuzz/standalone.c)
  endif()
endforeach()
if(TARGET script)
  target_link_libraries(fuzz_script PRIVATE script)
endif()
add_executable(fuzz_stats harness/fuzz/stats.c)
target_link_libraries(fuzz_stats PRIVATE fuzz_common flags)

# ---- the command ----
find_library(PCAP_LIBRARY pcap)
find_path(PCAP_INCLUDE pcap/pcap.h)
if(NOT PCAP_LIBRARY OR NOT PCAP_INCLUDE)
  left_out("what reads captures and talks to the kernel, the command with it" libpcap-dev)
endif()
if(PCAP_LIBRARY AND PCAP_INCLUDE AND TARGET script)
file(GLOB capture_sources CONFIGURE_DEPENDS harness/capture/*.c)
add_library(capture STATIC ${capture_sources})
target_include_directories(capture PUBLIC harness/capture SYSTEM PRIVATE ${PCAP_INCLUDE})
target_link_libraries(capture PUBLIC harness ${PCAP_LIBRARY} PRIVATE flags)
find_package(ZLIB QUIET)
if(ZLIB_FOUND)
  target_compile_definitions(capture PRIVATE TFSM_ZLIB)
  target_link_libraries(capture PRIVATE ZLIB::ZLIB)
else()
  left_out("what reads captures that gzip packed" zlib1g-dev)
endif()
# The running kernel as the peer: a TUN device, the loop that drives an endpoint behind it, and what runs over that.
add_library(tun STATIC
  harness/stacks/tun/address.c harness/stacks/tun/descriptor.c harness/stacks/tun/driver.c harness/stacks/tun/http.c
  harness/stacks/tun/outlet.c harness/stacks/tun/places.c harness/stacks/tun/record.c harness/stacks/tun/services.c
  harness/stacks/tun/stream.c harness/stacks/tun/tun.c harness/stacks/tun/web.c)
target_include_directories(tun PUBLIC harness/stacks/tun SYSTEM PRIVATE ${PCAP_INCLUDE})
target_compile_definitions(tun PUBLIC _GNU_SOURCE)
target_link_libraries(tun PUBLIC endpoint sim ${PCAP_LIBRARY} PRIVATE flags)
file(GLOB cli_sources CONFIGURE_DEPENDS harness/cli/*.c)
add_executable(tcpfsm ${cli_sources})
target_include_directories(tcpfsm PRIVATE harness/cli)
target_link_libraries(tcpfsm PRIVATE capture tun script stacks sim harness flags ${CMAKE_DL_LIBS})
install(TARGETS tcpfsm RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT command)
endif()
if(TFSM_FUZZ STREQUAL "libfuzzer")
  # Instrumented objects need the coverage runtime; the command has a main of its own.
  foreach(program tcpfsm fuzz_stats simulate)
    if(TARGET ${program})
      target_link_options(${program} PRIVATE -fsanitize=fuzzer-no-link)
    endif()
  endforeach()
endif()

# ---- benchmarks: run by ci/bench, never a test ----
find_package(benchmark QUIET)
find_library(LWIP lwip)
find_path(LWIP_INCLUDE lwip/tcp.h PATH_SUFFIXES lwip)
if(TFSM_FUZZ STREQUAL "OFF" AND NOT TFSM_SANITIZE)
  if(benchmark_FOUND AND CMAKE_CXX_COMPILER)
    add_executable(bench_endpoint EXCLUDE_FROM_ALL harness/bench/bench_endpoint.cpp)
    target_link_libraries(bench_endpoint PRIVATE endpoint benchmark::benchmark flags)
  endif()
  if(LWIP AND LWIP_INCLUDE)
    add_library(bench_subjects STATIC EXCLUDE_FROM_ALL harness/bench/core.c harness/bench/driver.c
                harness/bench/endpoint_subject.c harness/bench/listener.c)
    target_link_libraries(bench_subjects PUBLIC endpoint PRIVATE flags)
    add_library(bench_lwip STATIC EXCLUDE_FROM_ALL harness/bench/lwip.c) # its headers are not held to our warnings
    target_include_directories(bench_lwip SYSTEM PRIVATE ${LWIP_INCLUDE})
    target_compile_definitions(bench_lwip PRIVATE _GNU_SOURCE)
    target_link_libraries(bench_lwip PUBLIC ${LWIP})
    add_executable(bench_segments EXCLUDE_FROM_ALL harness/bench/segments.c)
    target_link_libraries(bench_segments PRIVATE bench_subjects bench_lwip flags)
    if(benchmark_FOUND AND CMAKE_CXX_COMPILER)
      add_executable(bench_times EXCLUDE_FROM_ALL harness/bench/times.cpp)
      target_link_libraries(bench_times PRIVATE bench_subjects bench_lwip benchmark::benchmark flags)
    endif()
  endif()
endif()

# ---- the tests ----
set(tests OFF)
if(TFSM_TESTS AND TFSM_FUZZ STREQUAL "OFF")
  find_library(CMOCKA cmocka)
  find_package(rapidcheck QUIET)
  if(NOT CMOCKA)
    left_out("the tests" libcmocka-dev)
  elseif(NOT rapidcheck_FOUND OR NOT CMAKE_CXX_COMPILER)
    left_out("the tests" "librapidcheck-dev, g++")
  elseif(NOT TARGET tcpfsm)
    message(STATUS "tcpfsm: the tests: left out, for want of the command")
  else()
    set(tests ON)
  endif()
endif()
