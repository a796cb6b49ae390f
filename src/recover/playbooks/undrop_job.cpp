// See undrop_job.hpp.
#include "recover/playbooks/undrop_job.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "recover/last_seen.hpp"
#include "recover/long_statement.hpp"
#include "runtime/files.hpp"
#include "runtime/process.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;
namespace fs = std::filesystem;

constexpr Millis kLookEvery{100};
constexpr Seconds kPatience{24 * 3600};  // a large database from a slow store
constexpr Seconds kAskedAgain{3600};     // of what a human has to change first
constexpr std::size_t kOutputBytesMax = 1U << 20U;
// A restore is dear: one that failed so often for no reason that time could mend waits for a human.
constexpr int kTriesMax = 3;
constexpr std::string_view kPutOff = "put off: ";

fs::path output_file(const StepContext& context) {
  return context.services.state_dir / "jobs" / fmt::format("undrop-{}.log", context.incident);
}

// By the journal, so that it counts across guards.
int failures(const StepContext& context) {
  const auto incident = context.services.journal.load(context.incident);
  if (!incident) return 0;
  return static_cast<int>(std::ranges::count_if(incident->actions, [](const auto& action) {
    return action.outcome == incident::ActionOutcome::Failed && !action.note.starts_with(kPutOff);
  }));
}

bool closed(const StepContext& context) {
  const auto incident = context.services.journal.load(context.incident);
  return incident && incident->state == incident::IncidentState::Closed;
}

// Where the guard saw it last; of what it never saw, the last checkpoint it knew.
std::string moment_of(const StepContext& context) {
  const auto kept = last_seen(context.services.ledger, context.incident);
  if (kept && *kept) return to_string((*kept)->lsn);
  if (context.finding.last_seen) return to_string(context.finding.last_seen->lsn);
  const auto identity = context.services.ledger.identity();
  if (identity && *identity && (*identity)->last_lsn.valid())
    return to_string((*identity)->last_lsn);
  return {};
}

Task<void> reap(runtime::Loop* loop, runtime::ProcessHandle job) {
  static_cast<void>(co_await job.wait_exit(*loop, runtime::kNever));
}

Result<runtime::ProcessHandle> start_job(const StepContext& context, const UndropOrder& order) {
  if (order.moment.empty())
    return fail(
        Error(ErrorCode::NotFound, "no moment is known at which it was there")
            .with_hint(fmt::format("'pgkeel undrop {} --at TIME' brings it back.", order.subject)));
  const auto file = output_file(context);
  TRY_VOID(runtime::ensure_directory(file.parent_path(), {.mode = 0700, .owner = {}}));
  TRY_VOID(runtime::write_file_atomic(file, ""));
  runtime::ProcessSpec spec;
  spec.argv = context.services.pgkeel;
  const std::vector<std::string> words{"undrop", order.subject, "--at", order.moment, "--json"};
  spec.argv.insert(spec.argv.end(), words.begin(), words.end());
  if (order.moment == kUndropLatest) spec.argv.push_back("--from-shadow");
  if (!order.as.empty()) spec.argv.insert(spec.argv.end(), {"--as", order.as});
  spec.environment.emplace_back(kUndropJobVariable, context.incident);
  spec.output_file = file;
  spec.session = runtime::ProcessSpec::Session::New;
  return runtime::start_process(spec);
}

// Its end; nullopt when the guard must not wait for it any longer.
Task<Result<std::optional<runtime::ExitStatus>>> await_job(StepContext* context,
                                                           const runtime::ProcessHandle* job) {
  auto& loop = context->services.loop;
  const auto until = loop.after(kPatience);
  while (true) {
    const auto ended = co_await job->wait_exit(loop, loop.after(kLookEvery));
    if (ended) co_return *ended;
    if (ended.error().code != ErrorCode::TimedOut) co_return fail(ended.error());
    if (server_needs_us(context->services)) co_return std::nullopt;
    if (loop.now() > until || closed(*context)) static_cast<void>(job->signal(SIGTERM));
  }
}

StepResult for_human(const Error& error) {
  auto why = "a human: " + error.message();
  if (error.code != ErrorCode::ChildFailed && !error.hint_override.empty())
    why += " (" + error.hint_override + ")";
  auto result = StepResult::for_human(std::move(why));
  result.retry_after = kAskedAgain;
  return result;
}

StepResult judge(const StepContext& context, const Error& error) {
  // What the server, the network or the disk brought about may pass; the rest is an answer.
  const bool may_pass = error.code == ErrorCode::ChildFailed || error.code == ErrorCode::TimedOut;
  if (!may_pass || failures(context) + 1 >= kTriesMax) return for_human(error);
  return StepResult::failed(error);
}

nlohmann::json last_line(std::string_view output) {
  while (output.ends_with('\n')) output.remove_suffix(1);
  const auto line = output.substr(output.rfind('\n') + 1);
  return nlohmann::json::parse(line, nullptr, false);
}

// Else what came back is as old as the guard's last look at it.
void note_nothing_lost(const StepContext& context) {
  auto incident = context.services.journal.load(context.incident);
  if (incident) incident->loss.clear();
  const auto noted = incident ? context.services.journal.update(*incident) : fail(incident.error());
  if (!noted) log_error("that nothing was lost is not written", {{"why", noted.error().message()}});
}

// By the exit code, which is the contract.
ErrorCode code_of(int exit) {
  switch (exit) {
    case 2: return ErrorCode::Usage;
    case 3: return ErrorCode::WrongState;
    case 4: return ErrorCode::Refused;
    case 6: return ErrorCode::TimedOut;
    default: return ErrorCode::ChildFailed;
  }
}

Error error_from(const nlohmann::json& json) {
  return Error(code_of(json.value("exit", 1)), json.value("message", ""))
      .with_hint(json.value("hint", ""));
}

}  // namespace

std::string UndropDone::describe() const {
  auto text = fmt::format("{} rows restored as of {} {}", rows, lsn,
                          from_shadow ? "out of the shadow" : "from backup " + backup);
  if (!notes.empty()) text += fmt::format("; not brought back: {}", fmt::join(notes, "; "));
  return text;
}

std::string describe_undrop(const StepContext& context) {
  const auto moment = moment_of(context);
  return fmt::format("pgkeel undrop {} --at {}", context.finding.subject,
                     moment.empty() ? "(no moment is known)" : moment);
}

Result<UndropDone> read_undrop(std::string_view output) {
  const auto json = last_line(output);
  try {
    if (json.is_object() && json.contains("error")) return fail(error_from(json["error"]));
    if (!json.is_object() || !json.contains("rows"))
      return fail(ErrorCode::ChildFailed, "pgkeel undrop ended without a word");
    UndropDone done;
    done.rows = json.value("rows", std::int64_t{0});
    done.lsn = json.value("lsn", "");
    done.backup = json.value("backup", "");
    done.from_shadow = json.value("from", "") == "shadow";
    done.exact = json.value("exact", false);
    for (const auto& note : json.at("notes")) done.notes.push_back(note.get<std::string>());
    for (const auto& relation : json.at("relations"))
      done.relations.push_back(relation.value("name", ""));
    return done;
  } catch (const nlohmann::json::exception& problem) {
    return fail(ErrorCode::Malformed, problem.what());
  }
}

Task<StepResult> undrop_subject(StepContext* context, AfterUndrop after) {
  UndropOrder order{context->finding.subject, "", moment_of(*context)};
  auto result = co_await run_undrop(context, std::move(order), after);
  co_return result;
}

Task<StepResult> run_undrop(StepContext* context, UndropOrder order, AfterUndrop after) {
  auto job = start_job(*context, order);
  if (!job) co_return judge(*context, job.error());
  const auto ended = co_await await_job(context, &*job);
  if (!ended) co_return StepResult::failed(ended.error());
  if (!ended->has_value()) {
    context->services.loop.spawn(reap(&context->services.loop, std::move(*job)));
    co_return StepResult::failed(
        Error(ErrorCode::WrongState,
              fmt::format("{}the server comes first; the restore goes on beside", kPutOff)));
  }
  if (closed(*context)) co_return StepResult::skipped("it was meant");
  const auto output = runtime::read_file_tail(output_file(*context), kOutputBytesMax);
  if (!output) co_return StepResult::failed(output.error());
  const auto done = read_undrop(*output);
  if (!done) co_return judge(*context, done.error());
  const auto told = after(*context, *done);
  if (!told) co_return StepResult::failed(told.error());
  if (done->exact) note_nothing_lost(*context);
  co_return StepResult::done(done->describe());
}

}  // namespace pgkeel::recover
