// The parts of a running guard in the order they are made; each uses only those before it.
#pragma once

#include <memory>

#include "app/config.hpp"
#include "app/guard/alerting.hpp"
#include "app/guard/face.hpp"
#include "incident/journal.hpp"
#include "incident/ledger.hpp"
#include "incident/store.hpp"
#include "instance/instance.hpp"
#include "recover/conductor.hpp"
#include "runtime/files.hpp"
#include "runtime/loop.hpp"
#include "sense/senses.hpp"
#include "serve/api.hpp"

namespace pgkeel::app {

class Guard {
 public:
  explicit Guard(const Config& config) : config_(config) {}
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  Result<int> run();

 private:
  runtime::Task<Result<int>> live();
  runtime::Task<Result<void>> make_parts();
  Result<void> make_alerts();
  Result<void> lock_volume();
  Result<void> serve();
  runtime::Task<void> hold_volume_lock();
  runtime::Task<void> announce();

  const Config& config_;
  runtime::Loop loop_;
  std::unique_ptr<incident::Store> store_;
  std::unique_ptr<incident::Ledger> ledger_;
  std::unique_ptr<incident::Journal> journal_;
  std::unique_ptr<instance::Instance> instance_;
  std::optional<runtime::FileLock> volume_lock_;
  std::optional<runtime::InodeId> locked_inode_;
  std::unique_ptr<notify::Alerts> alerts_;  // null: nobody is to be called
  std::unique_ptr<sense::Senses> senses_;
  std::unique_ptr<recover::Services> services_;
  std::unique_ptr<recover::Conductor> conductor_;
  std::unique_ptr<WholeLoop> whole_loop_;
  std::unique_ptr<AnchorKeeper> anchor_;
  std::unique_ptr<Adviser> adviser_;
  std::unique_ptr<Face> face_;
  std::unique_ptr<serve::Api> api_;
};

}  // namespace pgkeel::app
