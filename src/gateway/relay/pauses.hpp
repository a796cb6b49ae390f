// PAUSE and RESUME in a worker: no server of a paused database is given to a client or opened, and
// who paused it is told when the last one is closed. What clients say meanwhile waits in their
// pools' queues.
// It guarantees: a PAUSE whose console leaves before it is over is taken back, unless another
// console waits for the same; one that RESUME overtakes is told so.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "gateway/admin/console.hpp"
#include "gateway/admin/paused_databases.hpp"

namespace pgkeel::gateway {

class Pool;
class Worker;

class Pauses {
 public:
  using Act = admin::ConsoleHost::Act;
  using Tell = admin::ConsoleHost::Tell;

  explicit Pauses(Worker& worker) : worker_(worker) {}

  /// As ConsoleHost::act(). `database`: empty for all.
  [[nodiscard]] Result<std::unique_ptr<Act>> pause(const std::string& database, Tell tell);
  [[nodiscard]] Result<void> resume(const std::string& database);
  [[nodiscard]] const admin::PausedDatabases& databases() const { return databases_; }
  /// A server is gone: whoever waits for the last is told in the next round.
  void server_gone();

 private:
  class UnderWay;

  [[nodiscard]] std::vector<Pool*> pools_of(const std::string& database) const;
  [[nodiscard]] bool quiet(const std::string& database) const;
  template <class Which>
  [[nodiscard]] std::vector<Tell> take_over(const Which& which);
  void look();
  void reopen(const std::string& database);
  void given_up(UnderWay& act);

  Worker& worker_;
  admin::PausedDatabases databases_;
  std::list<UnderWay*> under_way_;
  bool looking_ = false;  ///< somebody is about to
};

}  // namespace pgkeel::gateway
