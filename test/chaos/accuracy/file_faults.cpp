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

void hold_still(AdvisedServer& advised) { ::kill(advised.server().pid(), SIGSTOP); }

}  // namespace

SteadyTime lose_volume(AdvisedServer& advised) {
  const auto data_dir = advised.server().data_dir();
  const auto now = SteadyClock::now();
  hold_still(advised);
  fs::rename(data_dir, data_dir.string() + ".orphan");
  advised.kill_postmaster();
  return now;
}

SteadyTime put_stranger(AdvisedServer& advised) {
  const auto data_dir = advised.server().data_dir();
  const auto stranger = fs::path(data_dir.string() + ".stranger");
  test::init_fresh_cluster(advised.server().bin_dir(), stranger);
  const auto now = SteadyClock::now();
  hold_still(advised);
  fs::rename(data_dir, data_dir.string() + ".moved");
  fs::rename(stranger, data_dir);
  advised.kill_postmaster();
  return now;
}

SteadyTime lose_control_file(AdvisedServer& advised) {
  const auto now = SteadyClock::now();
  hold_still(advised);
  fs::remove(advised.server().data_dir() / "global" / "pg_control");
  advised.kill_postmaster();
  return now;
}

SteadyTime break_config(AdvisedServer& advised) {
  const auto now = SteadyClock::now();
  advised.server().append_config("\nshared_bufers = 2GB  # a typo\n");
  advised.kill_postmaster();
  return now;
}

}  // namespace pgkeel::chaos
