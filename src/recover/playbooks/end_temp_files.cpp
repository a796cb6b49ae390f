// A statement whose sorts, hashes or cursors have filled the disk with temporary files: where the
// operator has said how much one session may take (recover.temp_files), the one that takes most is
// ended: its statement when it works, its session when it merely holds them. One at a time; its
// files go with it.
// It refuses to touch a file: a living session's are its own, and a dead one's are removed by the
// server when it starts. Superusers' and replication roles' sessions, and dumps, are told of.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "recover/playbooks/room_steps.hpp"
#include "recover/playbooks/sessions.hpp"
#include "recover/room.hpp"
#include "recover/sql.hpp"
#include "recover/temp_files.hpp"
#include "runtime/files.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;
namespace fs = std::filesystem;

constexpr Seconds kGonePatience{5};
constexpr Millis kGoneLookEvery{50};
// Less does not fill a disk that anything else fits on.
constexpr std::uint64_t kNotable = 16U << 20U;

// A worker's files are its leader's doing.
constexpr std::string_view kLeaders =
    "select w.pid, coalesce(w.leader_pid, w.pid) from pg_stat_activity w where w.pid = any "
    "($1::int[])";

constexpr std::string_view kSession =
    "select {}, {} and a.application_name !~ '^pg_(dump|restore|basebackup)' as endable"
    " from pg_stat_activity a where a.pid = $1::int";

constexpr std::string_view kCancel =
    "select pg_cancel_backend(a.pid) from pg_stat_activity a where a.pid = $1::int and "
    "(extract(epoch from a.backend_start) * 1000000)::int8 = $2::int8 and a.state = 'active' and "
    "{}";

struct Holder {
  ClientSession session;
  bool endable = false;
  std::uint64_t bytes = 0;
};

struct Look {
  std::optional<Holder> largest;
  std::uint64_t orphaned = 0;  ///< bytes of sessions that are gone
};

// Only what lies on a disk that is full.
std::vector<TempFile> files_in_the_way(const fs::path& data_dir) {
  std::vector<std::uint64_t> devices;
  for (const auto& place : full_places(data_dir))
    if (const auto id = runtime::inode_of(place.path)) devices.push_back(id->device);
  auto files = temp_files(data_dir);
  std::erase_if(files, [&devices](const TempFile& file) {
    return std::ranges::find(devices, static_cast<std::uint64_t>(file.device)) == devices.end();
  });
  return files;
}

std::map<pid_t, std::uint64_t> by_owner(const std::vector<TempFile>& files) {
  std::map<pid_t, std::uint64_t> bytes;
  for (const auto& file : files) bytes[file.pid] += file.bytes;
  return bytes;
}

std::uint64_t most_of_one(const StepContext& context) {
  std::uint64_t most = 0;
  const auto owners = by_owner(files_in_the_way(context.services.instance.data_dir()));
  for (const auto& [pid, bytes] : owners) most = std::max(most, bytes);
  return most;
}

std::string not_beyond(const StepContext& context) {
  const auto allowed = context.services.temp_files_most;
  if (allowed == 0) return "recover.temp_files is not set";
  const auto most = most_of_one(context);
  if (most > allowed) return {};
  return fmt::format("the largest has {}", format_size(most));
}

constexpr Precondition kTempFilesBeyondPolicy{
    "the temporary files of one process take more of the full disk than recover.temp_files allows",
    not_beyond};

using Leaders = std::map<pid_t, pid_t>;

Task<Result<Leaders>> leaders_of(Services* services, client::Connection* connection,
                                 std::string pids) {
  client::Params parameters{std::move(pids)};
  const auto rows =
      co_await run_on(services, connection, std::string(kLeaders), std::move(parameters));
  if (!rows) co_return fail(rows.error());
  Leaders leaders;
  for (std::size_t row = 0; row < rows->size(); ++row)
    leaders[static_cast<pid_t>(rows->int64(row, 0).value_or(0))] =
        static_cast<pid_t>(rows->int64(row, 1).value_or(0));
  co_return leaders;
}

// A file older than its session was left by another one of the same number.
std::uint64_t written_by(const std::vector<TempFile>& files, const Leaders& leaders, pid_t leader,
                         const std::string& began) {
  std::uint64_t bytes = 0;
  for (const auto& file : files) {
    const auto found = leaders.find(file.pid);
    const auto micros = std::to_string(file.written.time_since_epoch().count());
    const bool older = micros.size() == began.size() && micros < began;
    if (found != leaders.end() && found->second == leader && !older) bytes += file.bytes;
  }
  return bytes;
}

Task<Result<std::optional<Holder>>> holder_of(Services* services, client::Connection* connection,
                                              pid_t leader) {
  client::Params parameters{std::to_string(leader)};
  const auto rows = co_await run_on(
      services, connection, fmt::format(fmt::runtime(kSession), session_columns(), kMayBeEnded),
      std::move(parameters));
  if (!rows) co_return fail(rows.error());
  if (rows->empty()) co_return std::optional<Holder>();
  co_return Holder{read_session(*rows, 0), rows->boolean(0, kSessionColumns).value_or(false), 0};
}

std::string array_of(const std::map<pid_t, std::uint64_t>& owners) {
  std::string text;
  for (const auto& [pid, bytes] : owners) text += fmt::format("{}{}", text.empty() ? "" : ",", pid);
  return "{" + text + "}";
}

Task<Result<Look>> look(Services* services, client::Connection* connection) {
  const auto data_dir = services->instance.data_dir();
  const auto files =
      co_await services->loop.run_blocking([&data_dir] { return files_in_the_way(data_dir); });
  const auto owners = by_owner(files);
  const auto leaders = co_await leaders_of(services, connection, array_of(owners));
  if (!leaders) co_return fail(leaders.error());
  Look seen;
  std::map<pid_t, std::uint64_t> sums;
  for (const auto& [pid, bytes] : owners) {
    if (const auto leader = leaders->find(pid); leader != leaders->end())
      sums[leader->second] += bytes;
    else seen.orphaned += bytes;
  }
  if (sums.empty()) co_return seen;
  const auto largest = std::ranges::max_element(sums, {}, &decltype(sums)::value_type::second);
  auto holder = co_await holder_of(services, connection, largest->first);
  if (!holder) co_return fail(holder.error());
  if (!holder->has_value()) co_return seen;
  (*holder)->bytes = written_by(files, *leaders, largest->first, (*holder)->session.began);
  seen.largest = std::move(*holder);
  co_return seen;
}

std::string words(const Holder& holder) {
  return fmt::format("{}, has {} of temporary files", words(holder.session),
                     format_size(holder.bytes));
}

// What works is told to stop what it does; what merely holds them would not hear of it.
Task<Result<bool>> end(Services* services, client::Connection* connection, Holder holder) {
  if (holder.session.state != "active") {
    auto ended = co_await end_session(services, connection, std::move(holder.session));
    co_return ended;
  }
  client::Params parameters{holder.session.pid, holder.session.began};
  const auto rows = co_await run_on(
      services, connection, fmt::format(fmt::runtime(kCancel), kMayBeEnded), std::move(parameters));
  if (!rows) co_return fail(rows.error());
  co_return !rows->empty() && rows->boolean(0, 0).value_or(false);
}

Task<void> await_files_gone(Services* services, pid_t pid) {
  const auto until = services->loop.after(kGonePatience);
  while (services->loop.now() < until) {
    if (!by_owner(temp_files(services->instance.data_dir())).contains(pid)) co_return;
    static_cast<void>(co_await services->loop.sleep_for(kGoneLookEvery));
  }
}

std::string describe_end(const StepContext& context) {
  const auto allowed = context.services.temp_files_most;
  if (allowed == 0) return "end nobody for temporary files: recover.temp_files is not set";
  return fmt::format(
      "end the statement, or the session that does nothing, whose temporary files take most of the "
      "full disk, if more than {}",
      format_size(allowed));
}

Task<StepResult> end_largest(StepContext* context) {
  auto* services = &context->services;
  auto connection = co_await open_session(services, maintenance_database(*services));
  if (!connection) co_return StepResult::skipped(connection.error().message());
  const auto seen = co_await look(services, &*connection);
  if (!seen) co_return StepResult::skipped(seen.error().message());
  if (!seen->largest || seen->largest->bytes <= services->temp_files_most)
    co_return StepResult::skipped("they are nobody's by now, or fewer");
  const auto& holder = *seen->largest;
  if (!holder.endable)
    co_return StepResult::skipped(fmt::format(
        "{}; a superuser's, a replication role's or a dump's is not ended unasked", words(holder)));
  const auto ended = co_await end(services, &*connection, holder);
  if (!ended) co_return StepResult::skipped(ended.error().message());
  if (!*ended) co_return StepResult::skipped("it went on by itself");
  co_await await_files_gone(services, static_cast<pid_t>(std::stol(holder.session.pid)));
  co_return StepResult::done(fmt::format("ended the {} of {}",
                                         holder.session.state == "active" ? "statement" : "session",
                                         words(holder)));
}

}  // namespace

Task<std::string> temp_files_words(StepContext* context) {
  auto* services = &context->services;
  if (!services->senses.observation().login.ok()) co_return std::string();
  auto connection = co_await open_session(services, maintenance_database(*services));
  if (!connection) co_return std::string();
  const auto seen = co_await look(services, &*connection);
  if (!seen) co_return std::string();
  std::string text;
  if (seen->largest && seen->largest->bytes >= kNotable)
    text = fmt::format("{}: select pg_cancel_backend({}), or set recover.temp_files",
                       words(*seen->largest), seen->largest->session.pid);
  if (seen->orphaned >= kNotable)
    text += fmt::format(
        "{}{} of temporary files are left by sessions that are gone: the server removes them when "
        "it is restarted",
        text.empty() ? "" : "; ", format_size(seen->orphaned));
  co_return text;
}

constinit const Step kEndTempFiles{
    "end_temp_files",
    describe_end,
    end_largest,
    Effect::Final,
    "what the statement did was never acknowledged; its client sees an error and asks again",
    {&kADiskIsFull, &kServerAnswers, &kTempFilesBeyondPolicy},
    Unmet::PassesOver};

}  // namespace pgkeel::recover
