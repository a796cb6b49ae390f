// A replication slot that pgkeel's receiver made and that no receiver uses any more, since no
// archive is kept: it would fill the server's disk for nobody. Dropped in the statement that
// compares its name, its position and that nobody reads it once more.
// It refuses every slot that this guard's own receiver did not make for this very cluster, and any
// while a receiver of ours lives or an archive is kept: another machine may keep one over a slot of
// the same name.
#include <csignal>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "pg/sql_text.hpp"
#include "recover/playbook.hpp"
#include "recover/sql.hpp"
#include "runtime/files.hpp"
#include "runtime/process.hpp"
#include "sense/catalog_rows.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;

constexpr std::string_view kPrefix = "slots.";
constexpr std::string_view kOwn = "pgkeel_receiver";
constexpr const char* kStatusFile = "receive.json";  // what the receiver last said
constexpr std::size_t kStatusBytesMax = 64U << 10U;

constexpr std::string_view kDrop =
    "select restart_lsn::text, pg_drop_replication_slot(slot_name) from pg_replication_slots"
    " where slot_name = $1 and slot_type = 'physical' and not active and not temporary"
    " and coalesce(restart_lsn <= $2::pg_lsn, true)";  // of a lost one it is not known

std::string slot_of(const StepContext& context) {
  const std::string_view subject = context.finding.subject;
  return std::string(subject.starts_with(kPrefix) ? subject.substr(kPrefix.size()) : "");
}

/// The receiver's own last words.
struct LastWords {
  std::string system_id;
  std::string flushed;  ///< up to where it had the WAL
  pid_t pid = 0;
};

std::optional<LastWords> last_words(const StepContext& context) {
  const auto text = runtime::read_file(context.services.state_dir / kStatusFile, kStatusBytesMax);
  if (!text) return std::nullopt;
  const auto status = nlohmann::json::parse(*text, nullptr, false);
  const auto word = [&status](const char* name) {
    const auto found = status.find(name);
    return found != status.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  if (!status.is_object()) return std::nullopt;
  LastWords words{word("system_id"), word("flushed_lsn")};
  const auto pid = status.find("pid");
  if (pid != status.end() && pid->is_number_integer()) words.pid = pid->get<pid_t>();
  return words;
}

// For which cluster it was, up to where, and whether it lives.
std::string receiver_objects(const StepContext& context) {
  if (slot_of(context) != kOwn) return fmt::format("'{}' is not its name", slot_of(context));
  const auto words = last_words(context);
  if (!words) return "this guard never had a receiver";
  const auto identity = context.services.ledger.identity();
  if (!identity || !*identity) return "it is not known for which cluster";
  if (words->system_id != to_string((*identity)->system_id))
    return "its receiver was another cluster's";
  if (!parse_lsn(words->flushed)) return "it is not known how far its receiver came";
  const auto process = runtime::ProcessHandle::open(words->pid);
  return process && process->alive() ? fmt::format("process {} may be it", process->pid()) : "";
}

std::string slot_in_use(const StepContext& context) {
  const auto& activity = context.services.senses.observation().activity;
  if (!activity.fresh(context.services.loop.now())) return "it was not looked at of late";
  for (const auto& slot : activity.slots)
    if (slot.name == kOwn) return slot.active ? "it is in use" : "";
  return "it has seen no such slot";
}

constexpr Precondition kReceiverIsGone{
    "this guard's own receiver made the slot for this cluster, and lives no more",
    receiver_objects};
constexpr Precondition kSlotSeenIdle{"the look inside saw that nobody reads the slot", slot_in_use};

std::string describe_drop(const StepContext& context) {
  return fmt::format("select pg_drop_replication_slot('{}'), if nobody reads it", slot_of(context));
}

Task<StepResult> drop(StepContext* context) {
  auto* services = &context->services;
  const auto words = last_words(*context);
  if (!words) co_return StepResult::skipped("this guard never had a receiver");
  const auto rows = co_await run_statement(services, maintenance_database(*services),
                                           std::string(kDrop), {std::string(kOwn), words->flushed});
  services->senses.forget_activity();
  if (!rows) co_return StepResult::failed(rows.error());
  if (rows->empty())
    co_return StepResult::skipped("it is gone, in use again, or was read further by another");
  co_return StepResult::done(
      fmt::format("it kept the WAL from {} on", sense::read_text(*rows, 0, 0)));
}

constexpr Step kSteps[] = {
    {"drop_own_slot",
     describe_drop,
     drop,
     Effect::Final,
     "no archive is kept: nobody would read it; a receiver makes a new one by itself",
     {&kServerAnswers, &kReceiverIsGone, &kSlotSeenIdle}}};

}  // namespace

const Playbook kDropOwnSlot{"drop_own_slot",
                            "Drop the replication slot of a receiver that pgkeel runs no more.",
                            kSteps, "the slot is gone"};

}  // namespace pgkeel::recover
