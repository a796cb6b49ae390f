// The demo's workload: numbers its rows, writes them one by one, and remembers every number whose
// commit the server acknowledged. When an answer is lost it asks before it writes again, so a
// number is never written twice by it. Runs on a thread of its own with its own connection.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "base/time.hpp"
#include "pg/conninfo.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::app {

class Writer {
 public:
  explicit Writer(pg::Conninfo conninfo);
  ~Writer();  ///< stops
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  struct Tally {
    std::int64_t acknowledged = 0;  ///< all so far
    int errors = 0;                 ///< seen since mark()
    Millis longest_stall{0};        ///< longest time between two acknowledgements since mark()
  };
  void mark();
  [[nodiscard]] Tally tally() const;
  /// When the last acknowledgement came.
  [[nodiscard]] SteadyTime last_acknowledged() const;
  [[nodiscard]] std::set<std::int64_t> acknowledged() const;

 private:
  void run();
  runtime::Task<void> write_rows(runtime::Loop* loop);
  runtime::Task<bool> write_one(runtime::Loop* loop, class WriterSession* session);
  void note_acknowledged();
  void note_error();

  pg::Conninfo conninfo_;
  std::atomic<bool> stop_{false};
  mutable std::mutex mutex_;  ///< guards everything below
  std::set<std::int64_t> acknowledged_;
  std::int64_t next_ = 1;
  bool unsure_ = false;  ///< the answer for next_ was lost
  int errors_ = 0;
  Millis longest_stall_{0};
  SteadyTime last_;
  std::thread thread_;
};

}  // namespace pgkeel::app
