// Faults of what lies in the data directory or of the directory itself. The state is made first and
// the server killed last, so that the guard never meets half of it; meanwhile it answers nobody.
#include <csignal>
#include <filesystem>
#include <fstream>

#include "chaos/accuracy/injector.hpp"
#include "support/template_cluster.hpp"

namespace pgkeel::chaos {

namespace fs = std::filesystem;

namespace {

void hold_still(Site& site) { ::kill(site.server().pid(), SIGSTOP); }

}  // namespace

SteadyTime lose_volume(Site& site) {
  const auto data_dir = site.server().data_dir();
  const auto now = SteadyClock::now();
  hold_still(site);
  fs::rename(data_dir, data_dir.string() + ".orphan");
  site.kill_postmaster();
  return now;
}

SteadyTime put_stranger(Site& site) {
  const auto data_dir = site.server().data_dir();
  const auto stranger = fs::path(data_dir.string() + ".stranger");
  test::init_fresh_cluster(site.server().bin_dir(), stranger);
  const auto now = SteadyClock::now();
  hold_still(site);
  fs::rename(data_dir, data_dir.string() + ".moved");
  fs::rename(stranger, data_dir);
  site.kill_postmaster();
  return now;
}

SteadyTime lose_control_file(Site& site) {
  const auto now = SteadyClock::now();
  hold_still(site);
  fs::remove(site.server().data_dir() / "global" / "pg_control");
  site.kill_postmaster();
  return now;
}

SteadyTime break_config(Site& site) {
  const auto now = SteadyClock::now();
  site.server().append_config("\nshared_bufers = 2GB  # a typo\n");
  site.kill_postmaster();
  return now;
}

}  // namespace pgkeel::chaos
