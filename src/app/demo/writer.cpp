// See writer.hpp.
#include "app/demo/writer.hpp"

#include <algorithm>

#include "client/connection.hpp"

namespace pgkeel::app {

namespace {

constexpr Seconds kConnectDeadline{5};
constexpr Seconds kWriteDeadline{
    120};  // longer than any stall of the demo: a hung server is waited for
constexpr Millis kRetryPause{20};

}  // namespace

// The connection and whether the last number has to be looked up first.
class WriterSession {
 public:
  std::optional<client::Connection> connection;
};

Writer::Writer(pg::Conninfo conninfo)
    : conninfo_(std::move(conninfo)), last_(SteadyClock::now()), thread_([this] { run(); }) {}

Writer::~Writer() {
  stop_ = true;
  thread_.join();
}

void Writer::run() {
  runtime::Loop loop;
  loop.run_until_complete(write_rows(&loop));
}

runtime::Task<void> Writer::write_rows(runtime::Loop* loop) {
  WriterSession session;
  while (!stop_) {
    const auto wrote = co_await write_one(loop, &session);
    if (wrote) continue;
    session.connection.reset();
    static_cast<void>(co_await loop->sleep_for(kRetryPause));
  }
}

runtime::Task<bool> Writer::write_one(runtime::Loop* loop, WriterSession* session) {
  if (!session->connection) {
    client::ConnectOptions options;
    options.deadline = loop->after(kConnectDeadline);
    options.application_name = "demo writer";
    auto opened = co_await client::Connection::open(*loop, conninfo_, options);
    if (!opened) co_return false;  // the pause was seen already by the write that failed
    session->connection.emplace(std::move(*opened));
  }
  const auto number = std::to_string(next_);
  if (unsure_) {
    const auto found = co_await session->connection->query(
        "select from ledger where n = $1::bigint", {number}, loop->after(kWriteDeadline));
    if (!found) co_return false;
    unsure_ = false;
    if (!found->empty()) {
      note_acknowledged();
      co_return true;
    }
  }
  const auto written = co_await session->connection->query(
      "insert into ledger (n) values ($1::bigint)", {number}, loop->after(kWriteDeadline));
  if (written) note_acknowledged();
  else note_error();
  unsure_ = !written && written.error().outcome != client::Outcome::NotApplied;
  co_return written.has_value();
}

void Writer::note_acknowledged() {
  const std::scoped_lock lock(mutex_);
  const auto now = SteadyClock::now();
  acknowledged_.insert(next_++);
  longest_stall_ = std::max(longest_stall_, std::chrono::duration_cast<Millis>(now - last_));
  last_ = now;
}

void Writer::note_error() {
  const std::scoped_lock lock(mutex_);
  ++errors_;
}

void Writer::mark() {
  const std::scoped_lock lock(mutex_);
  errors_ = 0;
  longest_stall_ = Millis(0);
}

Writer::Tally Writer::tally() const {
  const std::scoped_lock lock(mutex_);
  return {static_cast<std::int64_t>(acknowledged_.size()), errors_, longest_stall_};
}

SteadyTime Writer::last_acknowledged() const {
  const std::scoped_lock lock(mutex_);
  return last_;
}

std::set<std::int64_t> Writer::acknowledged() const {
  const std::scoped_lock lock(mutex_);
  return acknowledged_;
}

}  // namespace pgkeel::app
