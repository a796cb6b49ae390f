// /dev/shm is too small for what parallel queries share: they fail although the disks have room.
// Until somebody gives it more, queries run without parallel workers: slower, and to their end. One
// setting of the server, changed as a person would (ALTER SYSTEM, reload), where nobody has said
// otherwise; what it was is in the incident.
// It refuses to touch a value somebody has written down, and a server on which it may not.
#include <fmt/format.h>

#include "recover/playbook.hpp"
#include "recover/sql.hpp"
#include "sense/catalog_rows.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;

constexpr std::string_view kName = "max_parallel_workers_per_gather";
constexpr Seconds kAskedAgain{3600};

constexpr std::string_view kLook =
    "select setting, source, coalesce((select f.setting from pg_file_settings f where f.name = "
    "s.name and f.error is null order by f.seqno desc limit 1), '') from pg_settings s where "
    "s.name "
    "= 'max_parallel_workers_per_gather'";

std::string lacks_right(const StepContext& context) {
  const auto& rights = context.services.senses.observation().rights;
  return rights.superuser ? "" : fmt::format("role {} is no superuser", rights.role);
}
constexpr Precondition kMaySetSettings{"the guard's role is a superuser", lacks_right};

StepResult for_human(const StepContext& context, const std::string& why) {
  auto result = StepResult::for_human(fmt::format("a human: {}; {}", context.finding.hint, why));
  result.retry_after = kAskedAgain;
  return result;
}

std::string describe_lower(const StepContext&) {
  return fmt::format("ALTER SYSTEM SET {} = 0, where nobody has set it; then reload", kName);
}

Task<StepResult> lower(StepContext* context) {
  auto* services = &context->services;
  auto connection = co_await open_session(services, maintenance_database(*services));
  if (!connection) co_return StepResult::failed(connection.error());
  const auto seen = co_await run_on(services, &*connection, std::string(kLook));
  if (!seen) co_return StepResult::failed(seen.error());
  if (seen->empty()) co_return StepResult::skipped("there is no such setting");
  const auto value = sense::read_text(*seen, 0, 0);
  const auto source = sense::read_text(*seen, 0, 1);
  const auto written = sense::read_text(*seen, 0, 2);
  if (value == "0") co_return for_human(*context, fmt::format("{} is 0 already", kName));
  // "0" in the file and not in effect: a guard was killed before it had the server reload.
  const bool begun = written == "0" && source == "default";
  if (!begun && source != "default")
    co_return for_human(*context,
                        fmt::format("{} = {} was set by somebody ({})", kName, value, source));
  const auto altered =
      co_await run_on(services, &*connection, fmt::format("alter system set {} = 0", kName));
  if (!altered) co_return StepResult::failed(altered.error());
  const auto reloaded = co_await run_on(services, &*connection, "select pg_reload_conf()");
  if (!reloaded) co_return StepResult::failed(reloaded.error());
  co_return StepResult::done(
      fmt::format("{} was {}, the server's default, and is 0: 'alter system reset {}; select "
                  "pg_reload_conf();' takes it back when /dev/shm is larger: {}",
                  kName, value, kName, context->finding.hint));
}

constexpr Step kSteps[] = {{"lower_parallel_workers",
                            describe_lower,
                            lower,
                            Effect::Reversible,
                            "ALTER SYSTEM RESET max_parallel_workers_per_gather; SELECT "
                            "pg_reload_conf()",
                            {&kServerAnswers, &kMaySetSettings}}};

}  // namespace

const Playbook kLowerParallelWorkers{
    "lower_parallel_workers",
    "Let queries run without parallel workers while /dev/shm is too small for them.", kSteps,
    "no query failed for want of shared memory for five minutes"};

}  // namespace pgkeel::recover
