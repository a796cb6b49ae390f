// See long_statement.hpp.
#include "recover/long_statement.hpp"

#include <memory>

#include "recover/sessions_policy.hpp"

namespace pgkeel::recover {
namespace {

using client::Connection;
using runtime::Task;

constexpr Millis kLookEvery{100};
constexpr int kLoginFailuresMax = 2;

using Outcome = std::shared_ptr<std::optional<client::DbResult<client::Rows>>>;

Task<void> run_into(Outcome outcome, Connection* connection, std::string sql, client::Params params,
                    client::Limit limit) {
  auto rows = co_await connection->query(std::move(sql), std::move(params), std::move(limit));
  outcome->emplace(std::move(rows));
}

}  // namespace

bool server_needs_us(const Services& services) {
  const auto& seen = services.senses.observation();
  return seen.process.state == sense::ProcessState::Absent ||
         seen.process.state == sense::ProcessState::Stopped ||
         seen.login.failures >= kLoginFailuresMax || clients_are_refused(seen.login) ||
         seen.write.failures >= kLoginFailuresMax;
}

Task<Result<client::Rows>> run_long(Services* services, Connection* connection, std::string sql,
                                    Seconds patience,
                                    std::vector<std::optional<std::string>> parameters) {
  std::stop_source stop;
  auto outcome = std::make_shared<std::optional<client::DbResult<client::Rows>>>();
  client::Limit limit(services->loop.after(patience), stop.get_token());
  services->loop.spawn(
      run_into(outcome, connection, std::move(sql), std::move(parameters), std::move(limit)));
  while (!outcome->has_value()) {
    static_cast<void>(co_await services->loop.sleep_for(kLookEvery));
    if (server_needs_us(*services)) stop.request_stop();
  }
  if (stop.stop_requested() && !(*outcome)->has_value())
    co_return fail(ErrorCode::WrongState, "put off: the server comes first");
  co_return client::plain(std::move(**outcome));
}

}  // namespace pgkeel::recover
