// See stillness.hpp.
#include "chaos/accuracy/stillness.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "chaos/accuracy/interruption.hpp"
#include "chaos/accuracy/trial.hpp"
#include "runtime/files.hpp"
#include "support/proc_scan.hpp"
#include "support/wait.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

constexpr Millis kNamedMost{20'000};
constexpr Millis kEndsWithin{10'000};
// As much again as the guard took to look twice at what it must see twice, and to plan.
constexpr Millis kActsWithin{2'000};
constexpr Millis kPassesWithin{2'000};

// The applications' and whoever waits; the guard's own come and go.
constexpr std::string_view kSession = "session ";
constexpr std::string_view kCatalog = R"(
select 'relation ' || c.oid || ' ' || c.relname, concat_ws(' ', c.relfilenode, c.relkind, c.relowner, c.relacl)
  from pg_class c where c.relpersistence <> 't'
union all
select 'index ' || i.indexrelid, concat_ws(' ', i.indisvalid, i.indisready) from pg_index i
union all
select 'event trigger ' || e.evtname, e.evtenabled::text from pg_event_trigger e)";
constexpr std::string_view kClusterWide = R"(
select 'database ' || datname, concat_ws(' ', datdba, datallowconn, datconnlimit, datacl) from pg_database
union all
select 'role ' || rolname, concat_ws(' ', rolsuper, rolcanlogin, rolconnlimit) from pg_roles
union all
select 'setting ' || name, setting from pg_settings where source not in ('default', 'client', 'session')
union all
select 'slot ' || slot_name, slot_type from pg_replication_slots
union all
select 'prepared transaction ' || gid, owner::text from pg_prepared_xacts
union all
select concat_ws(' ', 'session', pid, 'of', usename, application_name, backend_start), ''
  from pg_stat_activity
  where usename = 'crowd' or (application_name !~ '^(pgkeel|pg_dump)' and
        (wait_event_type = 'Lock' or state ~ '^idle in transaction')))";

// The guard's own, and what the server writes beside its data.
bool is_not_looked_at(const fs::path& relative) {
  constexpr auto kOwn = std::to_array<std::string_view>({"state", "guard.log", "log", "s"});
  return !relative.empty() &&
         std::ranges::find(kOwn, relative.begin()->string()) != std::ranges::end(kOwn);
}

std::string content_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(stream), {}};
  return fmt::format("{} bytes, {:016x}", content.size(), std::hash<std::string>{}(content));
}

bool is_configuration(const fs::path& file) {
  return file.extension() == ".conf" || file.extension() == ".toml" ||
         file.extension() == ".signal" || file.filename() == "PG_VERSION";
}

// Of a server that runs: what people and tools put there, and not what it writes itself.
bool is_its_own(const fs::path& in_data) {
  constexpr auto kWritten = std::to_array<std::string_view>(
      {"base", "pg_wal", "pg_xact", "pg_subtrans", "pg_multixact", "pg_stat", "pg_stat_tmp",
       "pg_logical", "pg_notify", "pg_serial", "pg_snapshots", "pg_commit_ts", "pg_dynshmem",
       "pg_twophase", "pg_replslot", "global", "postmaster.pid"});
  return !in_data.empty() &&
         std::ranges::find(kWritten, in_data.begin()->string()) != kWritten.end();
}

// A process of the server's: it writes until it notices that it is alone.
bool lives_on(const Site& site) {
  return std::ranges::any_of(test::pids_about(site.server().data_dir()), [](pid_t pid) {
    const auto name = runtime::read_file("/proc/" + std::to_string(pid) + "/comm", 64);
    return name && name->starts_with("postgres");
  });
}

// `postgres -C`, by which the guard reads a configuration, is none that stays.
bool none_lives_on(const Site& site) {
  return test::wait_until([&] { return !lives_on(site); }, kPassesWithin);
}

std::vector<fs::path> roots_of(const Site& site) {
  std::vector<fs::path> roots{site.dir()};
  const auto parent = site.server().data_dir().parent_path();
  if (parent != site.dir()) roots.push_back(parent);
  return roots;
}

}  // namespace

void World::look_at_files(const Site& site, Leaves leaves) {
  const bool down = leaves == Leaves::ServerDown && none_lives_on(site);  // a hung one is neither
  const auto data_dir = site.server().data_dir();
  for (const auto& root : roots_of(site)) {
    for (auto at = fs::recursive_directory_iterator(root); at != fs::end(at); ++at) {
      const auto& path = at->path();
      const auto in_data = path.lexically_relative(data_dir);
      const bool within = !in_data.empty() && *in_data.begin() != "..";
      if (is_not_looked_at(path.lexically_relative(root)) ||
          (!down && within && is_its_own(in_data))) {
        at.disable_recursion_pending();
        continue;
      }
      const auto status = at->symlink_status();
      auto seen = fmt::format("mode {:o}", static_cast<unsigned>(status.permissions()));
      if (fs::is_regular_file(status) && (down || is_configuration(path)))
        seen += ", " + content_of(path);
      if (fs::is_symlink(status)) seen += " to " + fs::read_symlink(path).string();
      things_["file " + path.string()] = seen;
    }
  }
}

void World::look_at_catalog(const Site& site) {
  try {
    const auto note = [&](const std::string& where, const std::string& statement,
                          const std::string& database) {
      for (auto& row : site.server().rows(statement, database))
        things_[where + row.at(0).value_or("")] = row.at(1).value_or("");
    };
    note("", std::string(kClusterWide), "postgres");
    for (auto& row : site.server().rows("select datname from pg_database where datallowconn"))
      note(row.at(0).value_or("") + ": ", std::string(kCatalog), row.at(0).value_or(""));
    catalog_read_ = true;
  } catch (const std::exception&) {
    std::erase_if(things_, [](const auto& thing) { return !thing.first.starts_with("file "); });
  }
}

World World::of(const Site& site, Leaves leaves) {
  World world;
  world.look_at_files(site, leaves);
  if (leaves != Leaves::ServerDown) world.look_at_catalog(site);
  return world;
}

std::vector<std::string> World::changes_to(const World& later) const {
  std::vector<std::string> changes;
  const bool both = catalog_read_ && later.catalog_read_;
  const auto counts = [&](const std::string& what) { return both || what.starts_with("file "); };
  for (const auto& [what, before] : things_) {
    if (!counts(what)) continue;
    const auto now = later.things_.find(what);
    if (now == later.things_.end()) changes.push_back(what + " is gone");
    else if (now->second != before)
      changes.push_back(fmt::format("{} was '{}', is '{}'", what, before, now->second));
  }
  for (const auto& [what, now] : later.things_)
    if (counts(what) && !what.starts_with(kSession) && !things_.contains(what))
      changes.push_back(what + " is new");
  return changes;
}

std::vector<std::string> changed_by_advice(const ModelCluster& model, const Injector& fault) {
  auto ground = std::make_unique<Ground>(model, GuardMode::Advise);
  if (fault.lay != nullptr) fault.lay(*ground);
  Site site(std::move(ground));
  if (fault.furnish != nullptr) fault.furnish(site);
  if (fault.prepare != nullptr) fault.prepare(site);
  site.stand();
  site.end_writer();
  const bool guard_stands = fault.leaves != Leaves::GuardGone;
  auto before = World::of(site, fault.leaves);
  if (guard_stands) {
    site.hold_guard();
    fault.inject(site);
    // Whoever has the server's number by now is none of its processes.
    if (fault.leaves == Leaves::ServerDown)
      static_cast<void>(test::wait_until([&] { return !lives_on(site); }, kEndsWithin));
    before = World::of(site, fault.leaves);
    site.let_guard_go();
  } else {
    fault.inject(site);
  }
  const auto named = [&] {
    if (interrupted()) throw Ended("told to stop");
    return std::ranges::any_of(site.incidents(),
                               [&](const Named& one) { return fault.is_named_by(one); });
  };
  if (!test::wait_until(named, kNamedMost) && guard_stands)
    throw std::runtime_error("it was not named");
  static_cast<void>(site.ask_doctor());
  std::vector<std::string> changes;
  const auto changed = [&] {
    changes = before.changes_to(World::of(site, fault.leaves));
    return !changes.empty();
  };
  static_cast<void>(test::wait_until(changed, kActsWithin));
  return changes;
}

}  // namespace pgkeel::chaos
