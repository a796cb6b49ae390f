// Faults of the disks: full, gone, or giving other bytes back than they were given. Every disk is a
// tmpfs of the trial's own, in a mount namespace that ends with the program.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "chaos/accuracy/injector.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

constexpr int kStepsMax = 2000;
constexpr std::streamoff kPage = 8192;

// Pages are read from the disk after a start only.
void damage(Site& site, std::string_view relation, const std::string& bytes) {
  auto& server = site.server();
  const auto file =
      server.data_dir() /
      server.query(fmt::format("select pg_relation_filepath('{}')", relation), "shop");
  server.stop();
  std::fstream page(file, std::ios::in | std::ios::out | std::ios::binary);
  page.seekp(kPage);
  page << bytes << std::flush;
  if (!page) throw std::runtime_error("could not damage " + file.string());
  page.close();
  server.start();
}

// The moment before the statement that is refused.
SteadyTime until_refused(Session& session, const std::string& statement) {
  for (int step = 0; step < kStepsMax; ++step) {
    const auto now = SteadyClock::now();
    if (!session.try_run(statement)) return now;
  }
  throw std::runtime_error("never refused: " + statement);
}

}  // namespace

// Small: it is to be filled.
void lay_data_volume(Ground& ground) { ground.put_data_on_volume("320m"); }

// With room for the copy that an un-drop restores beside the data.
void lay_roomy_volume(Ground& ground) { ground.put_data_on_volume("2g"); }

SteadyTime unmount_data(Site& site) {
  const auto now = SteadyClock::now();
  site.ground().data_volume()->detach();
  site.kill_postmaster();
  return now;
}

// Segment after segment, until there is no room for the next one.
SteadyTime fill_wal_disk(Site& site) {
  const auto place = site.ground().data_volume()->place();
  auto session = site.session();  // first: the server may panic at the writer's next statement
  const auto room = fs::space(place).available;
  std::ofstream(place / "ballast") << std::string(room, 'x');
  return until_refused(session,
                       "select pg_logical_emit_message(true, 'fill', repeat('x', 1000000)),"
                       " pg_switch_wal()");
}

void lay_disk(Ground& ground) { ground.add_disk("4m"); }

// Not a table with a TOAST table: that takes room.
void make_tablespace(Site& site) {
  auto session = site.session();
  session.run(
      fmt::format("create tablespace small location '{}'", site.ground().disk()->place().string()));
  session.run("create table filling (v int) tablespace small");
}

SteadyTime fill_disk(Site& site) {
  auto session = site.session();
  return until_refused(session, "insert into filling select generate_series(1, 5000)");
}

void damage_heap(Site& site) {
  site.server().query(
      "create table flipped as select i, repeat('x', 100) v from generate_series(1, 2000) i",
      "shop");
  damage(site, "flipped", std::string(24, '\x7f'));
}

SteadyTime read_heap(Site& site) {
  auto session = site.session();
  return until_refused(session, "select count(v) from flipped");
}

void damage_index(Site& site) {
  site.server().query("create table keyed (i int primary key)", "shop");
  site.server().query("insert into keyed select generate_series(1, 2000)", "shop");
  damage(site, "keyed_pkey", std::string(kPage, '\0'));
}

SteadyTime read_index(Site& site) {
  auto session = site.session();
  session.run("set enable_seqscan = off");
  return until_refused(session, "select i from keyed where i = 3");
}

}  // namespace pgkeel::chaos
