// The status screen. It says plainly what is not protected: an absent archive is the first thing
// its reader must know.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "app/render.hpp"

namespace pgkeel::app {
namespace {

struct StateWords {
  std::string_view state;
  std::string_view words;
  Tone tone;
};
constexpr std::array kStates = std::to_array<StateWords>({
    {"starting", "STARTING", Tone::Warn},
    {"up", "UP", Tone::Good},
    {"degraded", "UP, BUT DEGRADED", Tone::Warn},
    {"down", "DOWN", Tone::Bad},
    {"recovering", "RECOVERING", Tone::Warn},
    {"paused", "PAUSED", Tone::Warn},
    {"intended_stop", "STOPPED ON PURPOSE", Tone::Warn},
    {"waiting_for_human", "WAITING FOR YOU", Tone::Bad},
});

// More would push what is wrong off the screen; --json has all of them.
constexpr std::size_t kDatabasesShown = 8;
constexpr std::size_t kMissingShown = 10;
constexpr std::size_t kIncidentsShown = 10;

std::string size_text(const Json& object, std::string_view key) {
  const auto bytes = number_of(object, key);
  return bytes && *bytes >= 0 ? format_size(static_cast<std::uint64_t>(*bytes)) : "?";
}

void show_state(Sheet& sheet, const Json& status, const Look& look, WallTime now) {
  const auto state = text_of(status, "state");
  const auto* known = std::ranges::find(kStates, state, &StateWords::state);
  auto line = known == kStates.end() ? state : look.paint(known->tone, known->words);
  if (const auto begun = time_of(status, "since"))
    line += fmt::format(" for {}, since {} UTC", since(*begun, now), clock(*begun, now));
  line += flag_of(status, "serving")
              ? (flag_of(status, "writable") ? "; takes logins and writes" : "; takes logins only")
              : "; does not serve";
  sheet.block("Database", line);
  if (const auto reason = text_of(status, "reason"); !reason.empty())
    sheet.line(look.paint(Tone::Warn, reason));
}

void show_instance(Sheet& sheet, const Json& instance, WallTime now) {
  sheet.block("Instance", text_of(instance, "description"));
  std::string line;
  const auto add = [&line](const std::string& part) {
    if (!part.empty()) line += (line.empty() ? "" : ", ") + part;
  };
  const auto version = text_of(instance, "version");
  const auto major = number_of(instance, "major");
  if (!version.empty()) add("PostgreSQL " + version);
  else if (major) add(fmt::format("PostgreSQL {}", *major));
  if (const auto role = text_of(instance, "role"); role != "unknown") add(role);
  if (const auto port = number_of(instance, "port")) add(fmt::format("port {}", *port));
  if (const auto pid = number_of(instance, "postmaster_pid")) add(fmt::format("pid {}", *pid));
  if (const auto started = time_of(instance, "started_at"))
    add(fmt::format("started {} ago", since(*started, now)));
  if (!line.empty()) sheet.line(line);
  if (const auto anchor = text_of(instance, "anchor"); !anchor.empty()) sheet.line(anchor);
}

void show_guard(Sheet& sheet, const Json& status, const Look& look, WallTime now) {
  const auto& guard = member(status, "guard");
  auto line = text_of(status, "mode") == "advise"
                  ? look.paint(Tone::Warn, "advises only, changes nothing (mode = \"advise\")")
                  : std::string("acts");
  if (flag_of(status, "paused")) {
    const auto until = time_of(status, "paused_until");
    const auto words = until ? fmt::format("paused until {} UTC", clock(*until, now))
                             : std::string("paused until 'pgkeel resume'");
    line = look.paint(Tone::Warn, words + ": watches, acts on nothing");
  }
  if (const auto started = time_of(guard, "started_at"))
    line += fmt::format("; runs for {}", since(*started, now));
  if (const auto pid = number_of(guard, "pid")) line += fmt::format(", pid {}", *pid);
  if (number_of(guard, "resident_bytes")) line += ", " + size_text(guard, "resident_bytes");
  sheet.block("Guard", line);
}

// The reading of a list of names, with how many more there are.
void show_missing(Sheet& sheet, const Json& names, const Look& look) {
  if (!names.is_array()) return;
  std::size_t shown = 0;
  for (const auto& name : names) {
    if (!name.is_string()) continue;
    if (++shown > kMissingShown) break;
    sheet.line(look.paint(Tone::Bad, "missing: " + printable(name.get_ref<const std::string&>())));
  }
  if (names.size() > kMissingShown)
    sheet.line(fmt::format("... and {} more missing", names.size() - kMissingShown));
}

void show_wrong(Sheet& sheet, const Json& status, const Look& look, WallTime now) {
  const auto& open = member(member(status, "incidents"), "open");
  const auto& missing = member(status, "missing_relations");
  const auto count = open.is_array() ? open.size() : 0;
  const bool none = count == 0 && (!missing.is_array() || missing.empty());
  sheet.block("Wrong", none ? look.paint(Tone::Good, "nothing")
                            : fmt::format("{} open incident{}", count, count == 1 ? "" : "s"));
  for (std::size_t i = 0; i < std::min(count, kIncidentsShown); ++i) {
    const auto& incident = open[i];
    auto line = fmt::format("{} {} ({}): {}", text_of(incident, "id"), text_of(incident, "cause"),
                            text_of(incident, "subject"), text_of(incident, "state"));
    if (const auto opened = time_of(incident, "opened_at"))
      line += fmt::format(", opened {} ago", since(*opened, now));
    if (const auto who = text_of(incident, "acked_by"); !who.empty())
      line += ", " + printable(who) + " looks after it";
    sheet.line(look.paint(tone_of_severity(text_of(incident, "severity")), line));
    if (const auto summary = text_of(incident, "summary"); !summary.empty()) sheet.line(summary);
  }
  if (count > kIncidentsShown) sheet.line("... 'pgkeel incident list' has the rest");
  show_missing(sheet, missing, look);
}

void show_probes(Sheet& sheet, const Json& probes, const Look& look) {
  std::vector<std::vector<std::string>> rows;
  if (probes.is_array()) {
    for (const auto& probe : probes) {
      const bool ok = flag_of(probe, "ok");
      const auto word = ok ? "ok" : flag_of(probe, "stale") ? "stale" : "FAILED";
      const auto age = number_of(probe, "age_ms").value_or(0);
      const auto took = number_of(probe, "took_ms").value_or(0);
      rows.push_back({text_of(probe, "name"), look.paint(ok ? Tone::Good : Tone::Bad, word),
                      humane_duration(Millis(age)) + " ago", fmt::format("took {} ms", took),
                      text_of(probe, "note")});
    }
  }
  sheet.block("Probes", rows.empty() ? "none has run yet" : "");
  sheet.rows(rows);
}

void show_databases(Sheet& sheet, const Json& databases, const Look& look) {
  std::vector<std::vector<std::string>> rows;
  std::size_t count = 0;
  if (databases.is_array()) {
    count = databases.size();
    for (const auto& database : databases) {
      if (rows.size() == kDatabasesShown) break;
      const auto connections = number_of(database, "connections");
      rows.push_back({text_of(database, "name"),
                      flag_of(database, "missing") ? look.paint(Tone::Bad, "MISSING")
                                                   : size_text(database, "size_bytes"),
                      connections ? fmt::format("{} connections", *connections) : ""});
    }
  }
  if (rows.empty()) return;
  sheet.block("Databases", "");
  sheet.rows(rows);
  if (count > rows.size()) sheet.line(fmt::format("... and {} more", count - rows.size()));
}

void show_room(Sheet& sheet, const Json& status) {
  const auto& connections = member(status, "connections");
  const auto& disk = member(status, "disk");
  std::string line;
  if (const auto used = number_of(connections, "used")) {
    line =
        fmt::format("{} of {} connections used", *used, number_of(connections, "max").value_or(0));
  }
  if (number_of(disk, "bytes_free")) {
    line += fmt::format("{}{} free of {} at {}", line.empty() ? "" : "; ",
                        size_text(disk, "bytes_free"), size_text(disk, "bytes_total"),
                        text_of(disk, "mount_point"));
  }
  if (!line.empty()) sheet.block("Room", line);
}

struct ProtectionWords {
  std::string_view key;
  std::string_view absent;
};
constexpr std::array kProtections = std::to_array<ProtectionWords>({
    {"archive", "no archive configured: a lost data directory cannot be restored"},
    {"shadow", "no shadow configured: dropped rows cannot be brought back"},
    {"replication", "no standby: this host is the only copy that runs"},
});

// What could be had back, and what is being done with the archive now.
void show_archive(Sheet& sheet, const Json& archive, WallTime now) {
  const auto from = time_of(archive, "restorable_from");
  const auto until = time_of(archive, "restorable_until");
  if (from && until)
    sheet.line(fmt::format("any moment from {} to {} UTC can be had back", clock(*from, now),
                           clock(*until, now)));
  const auto& job = member(archive, "job");
  const auto began = time_of(job, "started_at");
  if (!began) return;
  const auto progress = text_of(job, "progress");
  sheet.line(fmt::format("now: {}, for {}{}{}", text_of(job, "name"), since(*began, now),
                         progress.empty() ? "" : ": ", progress));
}

void show_protection(Sheet& sheet, const Json& status, const Look& look, WallTime now) {
  std::string_view label = "Protection";
  for (const auto& [key, absent] : kProtections) {
    const auto& protection = member(status, key);
    const bool configured = protection.is_object();
    const bool ok = flag_of(protection, "ok");
    const auto note = text_of(protection, "note");
    const auto line = configured ? fmt::format("{}: {}{}{}", key, ok ? "ok" : "NOT WORKING",
                                               note.empty() ? "" : ", ", note)
                                 : std::string(absent);
    sheet.block(label, look.paint(ok ? Tone::Good : configured ? Tone::Bad : Tone::Warn, line));
    if (key == "archive") show_archive(sheet, protection, now);
    label = "";
  }
}

void show_gateway(Sheet& sheet, const Json& gateway, const Look& look) {
  if (!gateway.is_object()) return;
  const bool ok = flag_of(gateway, "ok");
  const auto line = fmt::format("{}: {}{}", text_of(gateway, "listen"), ok ? "" : "NOT WORKING, ",
                                text_of(gateway, "note"));
  sheet.block("Gateway", look.paint(ok ? Tone::Plain : Tone::Bad, line));
}

void show_drops(Sheet& sheet, const Json& drops, const Look& look) {
  if (!drops.is_array() || drops.empty()) return;
  std::string refused;
  std::string allowed;
  for (const auto& one : drops) {
    auto& list = flag_of(one, "refuses") ? refused : allowed;
    list += (list.empty() ? "" : ", ") + text_of(one, "database");
  }
  std::string line;
  if (!refused.empty()) line = "refused unless declared in " + refused;
  if (!allowed.empty()) line += (line.empty() ? "" : "; ") + std::string("allowed in ") + allowed;
  sheet.block("Drops", look.paint(allowed.empty() ? Tone::Good : Tone::Plain, line));
}

// Only what cannot be had, with the reason: that is what its reader must know.
void show_features(Sheet& sheet, const Json& features, const Look& look) {
  if (!features.is_array() || features.empty()) return;
  std::vector<std::vector<std::string>> rows;
  for (const auto& feature : features)
    if (!flag_of(feature, "able"))
      rows.push_back(
          {text_of(feature, "name"), look.paint(Tone::Warn, text_of(feature, "why_not"))});
  sheet.block(rows.empty() ? "Can" : "Cannot", rows.empty() ? "everything it knows to do" : "");
  sheet.rows(rows);
}

void show_application(Sheet& sheet, const Json& application) {
  if (!application.is_object()) return;
  sheet.block("Application",
              fmt::format("database {}, role {}: {}", text_of(application, "database"),
                          text_of(application, "role"), text_of(application, "state")));
  if (text_of(application, "state") == "not asked for")
    sheet.line("'pgkeel application' shows what would be made, and makes it with --apply");
  if (text_of(application, "state") == "only advised")
    sheet.line("'pgkeel application' shows what mode = \"act\" would make");
}

void show_warnings(Sheet& sheet, const Json& warnings, const Look& look) {
  std::string_view label = "Advice";
  for (std::size_t i = 0; warnings.is_array() && i < warnings.size(); ++i) {
    sheet.block(label, look.paint(Tone::Warn, text_of(warnings[i], "text")));
    sheet.line(text_of(warnings[i], "hint"));
    label = "";
  }
}

void show_alerts(Sheet& sheet, const Json& status, const Look& look) {
  const auto& channels = member(status, "alert_channels");
  std::string_view label = "Alerts";
  for (std::size_t i = 0; channels.is_array() && i < channels.size(); ++i) {
    const auto waiting = number_of(channels[i], "waiting").value_or(0);
    const auto failure = text_of(channels[i], "last_failure");
    auto line = fmt::format("{}: {}", text_of(channels[i], "name"),
                            failure.empty() ? "ok" : "FAILING, " + failure);
    if (waiting > 0) line += fmt::format("; {} waiting to be delivered", waiting);
    sheet.block(label, look.paint(failure.empty() ? Tone::Good : Tone::Bad, line));
    label = "";
  }
}

// "How far could I lose": by a crash, and by the loss of the directory.
void show_exposure(Sheet& sheet, const Json& status, const Look& look) {
  const auto& archive = member(status, "archive");
  sheet.block("Could lose",
              "by a crash of the server: nothing that was committed with "
              "synchronous_commit on and fsync on");
  if (!archive.is_object()) {
    sheet.line(look.paint(Tone::Warn,
                          "by the loss of its disk: everything since a backup you made yourself"));
    return;
  }
  const auto lag = number_of(archive, "lag_ms");
  const auto bytes = number_of(archive, "lag_bytes");
  const auto time = lag ? humane_duration(Millis(*lag)) : std::string("an unknown time");
  const auto wal = bytes ? fmt::format(" ({} of WAL)", size_text(archive, "lag_bytes")) : "";
  sheet.line(fmt::format("by the loss of its disk: the last {}{}", time, wal));
}

}  // namespace

std::string render_status(const Json& status, const Look& look, WallTime now) {
  Sheet sheet(look);
  show_state(sheet, status, look, now);
  show_instance(sheet, member(status, "instance"), now);
  show_guard(sheet, status, look, now);
  show_wrong(sheet, status, look, now);
  show_probes(sheet, member(status, "probes"), look);
  show_databases(sheet, member(status, "databases"), look);
  show_room(sheet, status);
  show_application(sheet, member(status, "application"));
  show_features(sheet, member(status, "features"), look);
  show_warnings(sheet, member(status, "warnings"), look);
  show_protection(sheet, status, look, now);
  show_drops(sheet, member(status, "drops"), look);
  show_gateway(sheet, member(status, "gateway"), look);
  show_alerts(sheet, status, look);
  show_exposure(sheet, status, look);
  return sheet.take();
}

std::string render_last_known(const Json& known, const Look& look, WallTime now) {
  Sheet sheet(look);
  sheet.block("Guard", look.paint(Tone::Bad, "not running; below is what it last knew"));
  const auto& identity = member(known, "identity");
  if (identity.is_object()) {
    const auto place = text_of(identity, "data_dir");
    sheet.block("Instance",
                fmt::format("PostgreSQL {}{}{}, system identifier {}, timeline {}",
                            number_of(identity, "major").value_or(0), place.empty() ? "" : " at ",
                            place, text_of(identity, "system_identifier"),
                            number_of(identity, "timeline").value_or(0)));
    if (const auto seen = time_of(identity, "seen_at"))
      sheet.line(fmt::format("last seen {} ago ({} UTC) at LSN {}", since(*seen, now),
                             clock(*seen, now), text_of(identity, "last_lsn")));
  } else {
    sheet.block("Instance", "none known yet");
  }
  if (const auto stop = text_of(known, "intended_stop"); !stop.empty())
    sheet.line("it was stopped on purpose");
  if (const auto paused = text_of(known, "paused_until"); !paused.empty())
    sheet.line("the guard was paused");
  show_wrong(sheet, known, look, now);
  std::vector<std::vector<std::string>> rows;
  const auto& probes = member(known, "probes");
  for (std::size_t i = 0; probes.is_array() && i < probes.size(); ++i) {
    const auto at = time_of(probes[i], "at");
    const bool ok = flag_of(probes[i], "ok");
    rows.push_back({text_of(probes[i], "name"),
                    look.paint(ok ? Tone::Good : Tone::Bad, ok ? "ok" : "FAILED"),
                    at ? since(*at, now) + " ago" : "", text_of(probes[i], "note")});
  }
  sheet.block("Last probes", rows.empty() ? "none" : "");
  sheet.rows(rows);
  return sheet.take();
}

}  // namespace pgkeel::app
