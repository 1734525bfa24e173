// The same cases by the clock: a batch of segments at a time, made before the clock runs. Only ratios mean something, and
// only within one run: the subjects take turns (--benchmark_enable_random_interleaving).
#include "driver.h"

#include <benchmark/benchmark.h>

#include <chrono>
#include <string>

namespace
{

double took;

void timed(const struct subject *subject, const unsigned *whose, const struct parcel *parcels,
           unsigned count)
{
    auto start = std::chrono::steady_clock::now();
    driver_arrive(subject, whose, parcels, count);
    took += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void measure(benchmark::State &state, const struct subject *subject, enum bench_case which)
{
    std::int64_t items = 0;
    driver_start(subject, false, false);
    for (auto _ : state) {
        took = 0;
        driver_run(subject, which, timed);
        state.SetIterationTime(took);
        items += bench_plans[which].batch;
    }
    state.SetItemsProcessed(items);
}

} // namespace

int main(int argc, char **argv)
{
    for (const char *name : {"core", "endpoint", "lwip"}) {
        for (unsigned i = 0; i < CASES; i++) {
            auto which = static_cast<enum bench_case>(i);
            bool listener = std::string(name) == "core" && which == CASE_SYN;
            const struct subject *subject = driver_subject(listener ? "listener" : name);
            std::string label = std::string(name) + "/" + bench_plans[i].name;
            benchmark::RegisterBenchmark(label.c_str(), measure, subject, which)->UseManualTime();
        }
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 2;
    }
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
