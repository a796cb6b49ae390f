// See audit.hpp. One function a question.
#include "diagnose/audit.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <ranges>

#include <fmt/format.h>

#include "diagnose/case.hpp"

namespace pgkeel::diagnose {
namespace {

constexpr auto kRemovals = std::to_array<std::string_view>(
    {"table_dropped", "table_truncated", "mass_delete", "schema_dropped", "database_dropped",
     "volume_lost", "fresh_cluster"});

using Kind = Answer::Kind;

constexpr std::size_t kNamed = 3;  // of a list; how many more is said
constexpr double kFewBytes = 0.05;
constexpr std::uint64_t kEnoughBytes = 10ULL << 30U;  // row D15: an alert under 10 GB

struct Told {
  Kind kind;
  std::string text;
};

std::string at(WallTime time) { return to_iso8601(time).substr(0, 19) + "Z"; }

std::string back_to(const History& history, WallTime now) {
  return fmt::format("{} hours",
                     std::chrono::round<std::chrono::hours>(now - history.since).count());
}

// A log that begins later than was asked for was cut, rotated away, or is an engine's last lines.
bool log_is_short(const History& history) {
  constexpr Seconds kNearly{3600};
  return history.log.cut || !history.log.begins || *history.log.begins > history.since + kNearly;
}

std::string log_span(const History& history, WallTime now) {
  if (!log_is_short(history)) return "of the last " + back_to(history, now);
  if (!history.log.begins) return "(its lines have no time that can be read)";
  return fmt::format("since {}; what was before is not in it", at(*history.log.begins));
}

// "a; b; c and 4 more"
std::string listed(const std::vector<std::string>& items) {
  std::string text;
  for (std::size_t i = 0; i < std::min(items.size(), kNamed); ++i)
    text += (i == 0 ? "" : "; ") + items[i];
  if (items.size() > kNamed) text += fmt::format(" and {} more", items.size() - kNamed);
  return text;
}

Told restarted(const Case& the_case, const History& history) {
  const auto& login = the_case.seen.login;
  const auto* hosting = hosting_of(the_case);
  std::string text;
  bool notable = false;
  if (login.ok() && login.postmaster_started > WallTime{}) {
    text = "the server runs since " + at(login.postmaster_started);
    notable = login.postmaster_started >= history.since;
  } else if (the_case.seen.process.state == sense::ProcessState::Absent) {
    text = "the server does not run";
    notable = true;
  }
  if (hosting != nullptr && hosting->exists) {
    const auto& container = hosting->container;
    text += fmt::format("{}container {} is {}, created {}, started {}, restarted {} times",
                        text.empty() ? "" : "; ", container.name, container.status,
                        container.created_at.substr(0, 19), container.started_at.substr(0, 19),
                        container.restart_count);
    notable = notable || container.restart_count > 0 || !container.running;
  }
  if (history.unit) {
    text += fmt::format("{}unit {}: {}", text.empty() ? "" : "; ", history.unit->unit,
                        history.unit->text);
    notable = notable || history.unit->failed;
  }
  if (hosting != nullptr && hosting->exists)
    if (const auto task = instance::swarm_task(hosting->container))
      text += fmt::format("; task {} of Swarm service {}", task->task, task->service);
  if (text.empty()) return {Kind::Unknown, "neither the server nor its container could be asked"};
  return {notable ? Kind::Notable : Kind::Fine, std::move(text)};
}

Told stopped_by_whom(const Case& the_case, const History& history) {
  std::vector<std::string> stops;
  for (const auto& event : history.log.events) {
    using enum pg::Signature;
    if (event.signature != ShutdownFast && event.signature != ShutdownSmart &&
        event.signature != ShutdownImmediate)
      continue;
    stops.push_back((event.at ? at(*event.at) + " " : std::string()) + event.text);
  }
  if (!stops.empty()) {
    std::ranges::reverse(stops);
    return {Kind::Notable, listed(stops)};
  }
  if (!history.log.unavailable.empty()) return {Kind::Unknown, history.log.unavailable};
  return {log_is_short(history) ? Kind::Unknown : Kind::Fine,
          "no request to stop in the server's log " + log_span(history, the_case.wall)};
}

Told volume(const Case& the_case, const History&) {
  const auto& files = the_case.seen.files;
  if (!the_case.seen.reach.sees_files)
    return {Kind::Unknown, "the server's files cannot be seen from here"};
  if (!files.seen) return {Kind::Unknown, "its files were not looked at"};
  const auto& data_dir = files.data_dir;
  if (data_dir.state != instance::DataDirState::Present)
    return {Kind::Notable, "the data directory is not there" +
                               (data_dir.detail.empty() ? "" : ": " + data_dir.detail)};
  if (!data_dir.control) return {Kind::Notable, "the control file cannot be read"};
  const auto id = to_string(data_dir.control->system_id);
  if (!the_case.known.identity)
    return {Kind::Unknown,
            "it is there, system identifier " + id + "; no guard has ever seen it before"};
  if (the_case.known.identity->system_id != data_dir.control->system_id)
    return {Kind::Notable,
            fmt::format("another cluster stands there: system identifier {}, known was {}", id,
                        to_string(the_case.known.identity->system_id))};
  return {Kind::Fine, fmt::format("it is there and is the known one (system identifier {}{})", id,
                                  data_dir.filesystem ? ", on " + data_dir.filesystem->mount_point
                                                      : std::string())};
}

std::string space_words(const sense::Space& space) {
  return fmt::format("{}{}: {} of {} free", to_string(space.role),
                     space.name.empty() ? "" : " " + space.name, format_size(space.room.bytes_free),
                     format_size(space.room.bytes_total));
}

bool is_low(const sense::Space& space) {
  const auto share = static_cast<double>(space.room.bytes_total) * kFewBytes;
  const bool few = static_cast<double>(space.room.bytes_free) < share;
  if (space.role == sense::SpaceRole::SharedMemory) return few;
  return few || space.out_of_inodes() || space.read_only || space.room.bytes_free < kEnoughBytes;
}

Told disk(const Case& the_case, const History&) {
  const auto& host = the_case.seen.host;
  if (!host.seen || host.spaces.empty())
    return {Kind::Unknown, "the file systems could not be looked at"};
  std::vector<std::string> words;
  bool low = false;
  for (const auto& space : host.spaces) {
    if (!space.known()) continue;
    auto text = space_words(space);
    if (space.out_of_inodes()) text += ", no inode left";
    if (space.read_only) text += ", read-only";
    low = low || is_low(space);
    words.push_back(std::move(text));
  }
  if (words.empty()) return {Kind::Unknown, host.spaces.front().unavailable};
  return {low ? Kind::Notable : Kind::Fine, listed(words)};
}

Told memory(const Case& the_case, const History& history) {
  const auto& host = the_case.seen.host;
  std::vector<std::string> words = history.oom_kills;
  if (!words.empty()) words.back() = "of the servers on this machine, at " + words.back();
  std::ranges::reverse(words);
  const auto* hosting = hosting_of(the_case);
  if (hosting != nullptr && hosting->container.oom_killed)
    words.insert(words.begin(), "the engine says the container was ended for want of memory");
  if (host.group && host.group->oom_kills > 0)
    words.insert(words.begin(), fmt::format("the kernel ended {} processes of the server's group",
                                            host.group->oom_kills));
  if (!words.empty()) return {Kind::Notable, listed(words)};
  if (!history.kernel_unavailable.empty()) return {Kind::Unknown, history.kernel_unavailable};
  auto text = std::string("the kernel has ended no process of the server for want of memory");
  if (host.memory_bytes > 0)
    text += fmt::format("; {} of {} available", format_size(host.memory_available_bytes),
                        format_size(host.memory_bytes));
  return {Kind::Fine, std::move(text)};
}

// Nearly all that its group may have: the next connection is the one that is refused.
constexpr double kCrowded = 0.8;

std::string limit_words(std::uint64_t limit) {
  return limit == 0 ? std::string("without a limit") : fmt::format("at most {}", limit);
}

Told processes(const Case& the_case, const History& /*history*/) {
  const auto& room = the_case.seen.host.processes;
  if (!room) return {Kind::Unknown, "no server runs whose limits could be read"};
  const bool crowded =
      room->group_limit > 0 &&
      static_cast<double>(room->group_used) >= kCrowded * static_cast<double>(room->group_limit);
  std::string text;
  if (room->group_used > 0)
    text = fmt::format("{} processes and threads in its group, {} (pids.max); ", room->group_used,
                       limit_words(room->group_limit));
  text += fmt::format("processes of its user {} (nproc); open files of each {} (nofile)",
                      limit_words(room->user_limit), limit_words(room->open_files));
  return {crowded ? Kind::Notable : Kind::Fine, std::move(text)};
}

Told reboot(const Case& the_case, const History& history) {
  const auto& booted = the_case.seen.host.booted_at;
  if (!booted) return {Kind::Unknown, "the machine's boot time is not known"};
  return {*booted >= history.since ? Kind::Notable : Kind::Fine,
          "the machine runs since " + at(*booted)};
}

Told updates(const Case& the_case, const History& history) {
  std::vector<std::string> words;
  for (const auto& update : history.updates)
    words.push_back(fmt::format("{} {} {} -> {}", at(update.at), update.package,
                                update.from.empty() ? "(new)" : update.from,
                                update.to.empty() ? "(removed)" : update.to));
  std::ranges::reverse(words);
  if (!words.empty()) return {Kind::Notable, listed(words)};
  if (!history.updates_unavailable.empty()) return {Kind::Unknown, history.updates_unavailable};
  return {Kind::Fine, "no package a server stands on was changed in the last " +
                          back_to(history, the_case.wall)};
}

std::string who(const sense::Destruction& one) {
  auto text = one.at ? at(*one.at) + " " : std::string();
  text += one.user.empty() ? "somebody" : "role " + one.user;
  if (!one.database.empty()) text += " in " + one.database;
  if (!one.application.empty()) text += " by " + one.application;
  return text + ": " + one.statement;
}

// What was refused removed nothing. What the guard kept is still known when the log is gone.
std::vector<pg::DdlLine> drops_of(const History& history) {
  std::map<std::pair<WallTime, pid_t>, pg::DdlLine> drops;  // kept and in the log: told once
  for (const auto* lines : {&history.ddl, &history.log.ddl})
    for (const auto& line : *lines)
      if (line.is_drop() && !line.refused()) drops.insert({{line.at, line.pid}, line});
  std::vector<pg::DdlLine> newest_first;
  for (auto& [key, line] : drops) newest_first.push_back(std::move(line));
  std::ranges::reverse(newest_first);
  return newest_first;
}

// The same statement as log_statement repeats it.
bool is_recorded(const History& history, const sense::Destruction& one) {
  constexpr Seconds kSameStatement{5};
  const bool truncate =
      !one.statement.empty() && (one.statement[0] == 't' || one.statement[0] == 'T');
  return !truncate && std::ranges::any_of(history.log.ddl, [&](const pg::DdlLine& line) {
    return line.pid == one.pid && one.at && std::chrono::abs(line.at - *one.at) < kSameStatement;
  });
}

// Docker's words and Podman's.
bool is_removal(const std::string& event) {
  return event.contains(": destroy") || event.contains(": remove");
}

Told removed(const Case& the_case, const History& history) {
  std::vector<std::string> words;
  const auto drops = drops_of(history);
  const auto tell = [&words](const pg::DdlLine& line) {
    words.push_back(fmt::format("{} in {}: {}", at(line.at), line.database, pg::describe(line)));
  };
  if (!drops.empty()) tell(drops.front());  // before the list is cut
  for (const auto& incident : history.incidents)
    if (std::ranges::find(kRemovals, incident.cause) != kRemovals.end())
      words.push_back(
          fmt::format("{} {} {}", at(incident.opened_at), incident.cause, incident.subject));
  for (const auto& event : history.engine_events)
    if (is_removal(event.text)) words.push_back(at(event.at) + " engine: " + event.text);
  std::ranges::for_each(drops | std::views::drop(1), tell);
  for (const auto& one : history.log.destructions)
    if (!is_recorded(history, one)) words.push_back(who(one));
  if (!words.empty()) return {Kind::Notable, listed(words)};
  if (!history.log.unavailable.empty()) return {Kind::Unknown, history.log.unavailable};
  if (!the_case.known.identity)
    return {Kind::Unknown,
            "no guard has watched it, and the log names statements only where "
            "log_statement says so"};
  return {log_is_short(history) ? Kind::Unknown : Kind::Fine,
          fmt::format("nothing the guard knows of is gone; the log {} tells of no DROP or TRUNCATE "
                      "(it does where log_statement = 'ddl')",
                      log_span(history, the_case.wall))};
}

struct Question {
  std::string_view name;
  std::string_view text;
  Told (*answer)(const Case&, const History&);
};
constexpr auto kQuestions = std::to_array<Question>({
    {"restarted", "Was it restarted?", restarted},
    {"stopped", "Did somebody stop it?", stopped_by_whom},
    {"volume", "Is its data still there?", volume},
    {"removed", "Did anything remove data?", removed},
    {"disk", "Is there room on its disks?", disk},
    {"memory", "Did memory run out?", memory},
    {"processes", "Is there room for processes and files?", processes},
    {"reboot", "Was the machine rebooted?", reboot},
    {"updates", "Was anything updated?", updates},
});

}  // namespace

std::string_view to_string(Answer::Kind kind) {
  switch (kind) {
    case Kind::Fine: return "fine";
    case Kind::Notable: return "notable";
    case Kind::Unknown: break;
  }
  return "unknown";
}

std::vector<Answer> audit(const Case& the_case, const History& history) {
  std::vector<Answer> answers;
  for (const auto& question : kQuestions) {
    auto told = question.answer(the_case, history);
    answers.push_back({question.name, question.text, told.kind, std::move(told.text)});
  }
  return answers;
}

}  // namespace pgkeel::diagnose
