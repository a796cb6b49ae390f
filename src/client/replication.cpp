// See replication.hpp. Non-blocking libpq under a poll(2) of its own, so that every wait can end.
#include "client/replication.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "client/connect_error.hpp"
#include "client/connect_target.hpp"
#include "client/error.hpp"
#include "client/libpq.hpp"
#include "client/replication_hint.hpp"

namespace pgkeel::client {
namespace {

struct FreeMemory {
  void operator()(char* memory) const { PQfreemem(memory); }
};
using CopyBuffer = std::unique_ptr<char, FreeMemory>;

Millis left_until(SteadyTime deadline) {
  const auto left = std::chrono::ceil<Millis>(deadline - SteadyClock::now());
  return std::clamp(left, Millis(0), Millis(3'600'000));
}

// Waits for `events` on the socket; Cancelled through the wake-up descriptor, TimedOut.
Result<void> wait_for(int socket, short events, int wake_fd, SteadyTime deadline) {
  while (true) {
    std::array<pollfd, 2> polled{{{socket, events, 0}, {wake_fd, POLLIN, 0}}};
    const int ready =
        ::poll(polled.data(), polled.size(), static_cast<int>(left_until(deadline).count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return fail_errno(errno, "wait for the server");
    if (polled[1].revents != 0) return fail(ErrorCode::Cancelled, "told to stop");
    if (polled[0].revents != 0) return {};
    if (SteadyClock::now() >= deadline)
      return fail(ErrorCode::TimedOut, "no answer from the server in time");
  }
}

Keywords keywords_for(const pg::Conninfo& conninfo, const ReplicationOptions& options) {
  ConnectOptions plain;
  plain.application_name = options.application_name;
  const ConnectTarget all_hosts{.host = conninfo.host, .address = {}, .port = conninfo.port};
  Keywords keywords = startup_keywords(conninfo, all_hosts, plain);
  if (const auto address = conninfo.options.find("hostaddr"); address != conninfo.options.end())
    keywords.emplace_back("hostaddr", address->second);
  if (options.mode == ReplicationMode::Physical) {
    std::erase_if(keywords, [](const auto& keyword) { return keyword.first == "dbname"; });
    keywords.emplace_back("dbname", "replication");  // what libpq looks up in a password file
    keywords.emplace_back("replication", "true");
  }
  return keywords;
}

ConnectionPtr start(const Keywords& keywords) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : keywords) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  return ConnectionPtr(PQconnectStartParams(names.data(), values.data(), 0));
}

Error refused(PGconn* pq, const pg::Conninfo& conninfo, ReplicationMode mode) {
  const ConnectRefusal said = parse_connect_error(PQerrorMessage(pq));
  ErrorCode code = error_code_for(said.sqlstate, Phase::Connect);
  if (PQconnectionNeedsPassword(pq) != 0) code = ErrorCode::AuthFailed;
  Error error(code, said.detail);
  error.sqlstate = said.sqlstate;
  if (mode == ReplicationMode::Physical) error.hint_override = replication_hint(said, conninfo);
  return error;
}

Result<ConnectionPtr> log_in(const pg::Conninfo& conninfo, const ReplicationOptions& options) {
  const runtime::ActingAs acting(options.connect_as);
  const SteadyTime deadline = SteadyClock::now() + options.timeout;
  ConnectionPtr pq = start(keywords_for(conninfo, options));
  if (!pq) return fail(ErrorCode::Failed, "out of memory");
  PQsetErrorVerbosity(pq.get(), PQERRORS_VERBOSE);
  PQsetErrorContextVisibility(pq.get(), PQSHOW_CONTEXT_NEVER);
  PQsetNoticeProcessor(pq.get(), [](void*, const char*) {}, nullptr);
  auto state = PQstatus(pq.get()) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
    const short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    TRY_VOID(wait_for(PQsocket(pq.get()), events, options.wake_fd, deadline));
    state = PQconnectPoll(pq.get());
  }
  if (state == PGRES_POLLING_FAILED) return fail(refused(pq.get(), conninfo, options.mode));
  PQsetErrorVerbosity(pq.get(), PQERRORS_DEFAULT);
  PQsetnonblocking(pq.get(), 1);
  return pq;
}

TextRows read_rows(const PGresult* result) {
  TextRows table;
  const int columns = PQnfields(result);
  for (int column = 0; column < columns; ++column)
    table.columns.emplace_back(PQfname(result, column));
  for (int row = 0; row < PQntuples(result); ++row) {
    auto& values = table.rows.emplace_back();
    for (int column = 0; column < columns; ++column) {
      if (PQgetisnull(result, row, column) != 0) values.emplace_back();
      else values.emplace_back(PQgetvalue(result, row, column));
    }
  }
  return table;
}

}  // namespace

const std::string* TextRows::at(std::size_t row, std::string_view column) const {
  const auto found = std::ranges::find(columns, column);
  if (found == columns.end() || row >= rows.size()) return nullptr;
  const auto& value = rows[row][static_cast<std::size_t>(found - columns.begin())];
  return value ? &*value : nullptr;
}

struct ReplicationSession::State {
  ConnectionPtr pq;
  ReplicationOptions options;
  std::string user;
  TextRows rows;
  CopyBuffer message;

  [[nodiscard]] Error lost() const {
    const std::string said = PQerrorMessage(pq.get());
    return {ErrorCode::ConnectionLost,
            said.empty() ? "the server ended the connection" : said.substr(0, said.find('\n'))};
  }

  [[nodiscard]] Error said(const PGresult* result) const {
    const auto sqlstate = diagnostic(result, PG_DIAG_SQLSTATE);
    if (sqlstate.empty()) return lost();
    Error error(error_code_for(sqlstate, Phase::InFlight),
                std::string(diagnostic(result, PG_DIAG_MESSAGE_PRIMARY)));
    error.sqlstate = sqlstate;
    if (options.mode == ReplicationMode::Physical)
      error.hint_override = replication_command_hint(sqlstate, user);
    return error;
  }

  [[nodiscard]] Result<void> wait(short events, SteadyTime deadline) const {
    return wait_for(PQsocket(pq.get()), events, options.wake_fd, deadline);
  }

  // Everything handed over to the kernel; reads meanwhile, so that neither side waits for the
  // other.
  [[nodiscard]] Result<void> flush(SteadyTime deadline) const {
    while (true) {
      const int left = PQflush(pq.get());
      if (left == 0) return {};
      if (left < 0) return fail(lost());
      TRY_VOID(wait(POLLIN | POLLOUT, deadline));
      if (PQconsumeInput(pq.get()) == 0) return fail(lost());
    }
  }

  Result<ResultPtr> next_result(SteadyTime deadline) const {
    while (PQisBusy(pq.get()) != 0) {
      TRY_VOID(wait(POLLIN, deadline));
      if (PQconsumeInput(pq.get()) == 0) return fail(lost());
    }
    return ResultPtr(PQgetResult(pq.get()));
  }
};

ReplicationSession::ReplicationSession(std::unique_ptr<State> state) : state_(std::move(state)) {}
ReplicationSession::ReplicationSession(ReplicationSession&&) noexcept = default;
ReplicationSession& ReplicationSession::operator=(ReplicationSession&&) noexcept = default;
ReplicationSession::~ReplicationSession() = default;

Result<ReplicationSession> ReplicationSession::open(const pg::Conninfo& conninfo,
                                                    const ReplicationOptions& options) {
  TRY(pq, log_in(conninfo, options));
  auto state = std::make_unique<State>();
  state->user = PQuser(pq.get());
  state->pq = std::move(pq);
  state->options = options;
  return ReplicationSession(std::move(state));
}

Result<void> ReplicationSession::send(const std::string& command) {
  if (PQsendQuery(state_->pq.get(), command.c_str()) == 0) return fail(state_->lost());
  return state_->flush(SteadyClock::now() + state_->options.answer_timeout);
}

Result<ReplicationSession::Step> ReplicationSession::next(Millis limit) {
  const SteadyTime deadline = SteadyClock::now() + limit;
  while (true) {
    TRY(result, state_->next_result(deadline));
    if (!result) return Step::Done;
    switch (PQresultStatus(result.get())) {
      case PGRES_TUPLES_OK: state_->rows = read_rows(result.get()); return Step::Rows;
      case PGRES_COPY_OUT: return Step::CopyOut;
      case PGRES_COPY_BOTH: return Step::CopyBoth;
      case PGRES_COMMAND_OK:
      case PGRES_EMPTY_QUERY: break;
      case PGRES_FATAL_ERROR: return fail(state_->said(result.get()));
      default:
        return fail(ErrorCode::WrongState, fmt::format("the server answered with {}",
                                                       PQresStatus(PQresultStatus(result.get()))));
    }
  }
}

const TextRows& ReplicationSession::rows() const { return state_->rows; }

Result<TextRows> ReplicationSession::run(const std::string& command) {
  TRY_VOID(send(command));
  TextRows found;
  Error failed;
  bool failing = false;
  while (true) {
    const auto step = next(state_->options.answer_timeout);
    if (!step && (step.error().sqlstate.empty() || failing)) return fail(step.error());
    if (!step) {
      failed = step.error();  // the rest is read, so that the session can be used on
      failing = true;
      continue;
    }
    if (*step == Step::Done) break;
    if (*step != Step::Rows) return fail(ErrorCode::WrongState, "the command began a copy");
    found = std::move(state_->rows);
  }
  if (failing) return fail(std::move(failed));
  return found;
}

Result<std::optional<ByteSpan>> ReplicationSession::read_copy(Millis limit) {
  const SteadyTime deadline = SteadyClock::now() + limit;
  while (true) {
    char* bytes = nullptr;
    const int size = PQgetCopyData(state_->pq.get(), &bytes, 1);
    state_->message.reset(bytes);
    if (size > 0)
      return ByteSpan(reinterpret_cast<const std::byte*>(bytes), static_cast<std::size_t>(size));
    if (size == -1) return std::nullopt;
    if (size == -2) return fail(state_->lost());
    TRY_VOID(state_->wait(POLLIN, deadline));
    if (PQconsumeInput(state_->pq.get()) == 0) return fail(state_->lost());
  }
}

Result<void> ReplicationSession::write_copy(ByteSpan message, Millis limit) {
  const SteadyTime deadline = SteadyClock::now() + limit;
  const auto* bytes = reinterpret_cast<const char*>(message.data());
  while (true) {
    const int put = PQputCopyData(state_->pq.get(), bytes, static_cast<int>(message.size()));
    if (put < 0) return fail(state_->lost());
    TRY_VOID(state_->flush(deadline));
    if (put > 0) return {};
  }
}

Result<void> ReplicationSession::end_copy(Millis limit) {
  const SteadyTime deadline = SteadyClock::now() + limit;
  while (true) {
    const int put = PQputCopyEnd(state_->pq.get(), nullptr);
    if (put < 0) return fail(state_->lost());
    TRY_VOID(state_->flush(deadline));
    if (put > 0) return {};
  }
}

int ReplicationSession::server_version_num() const { return PQserverVersion(state_->pq.get()); }
int ReplicationSession::socket() const { return PQsocket(state_->pq.get()); }

std::string_view ReplicationSession::parameter(std::string_view name) const {
  const char* value = PQparameterStatus(state_->pq.get(), std::string(name).c_str());
  return value == nullptr ? std::string_view() : std::string_view(value);
}

}  // namespace pgkeel::client
