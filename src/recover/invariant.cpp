// See invariant.hpp.
#include "recover/invariant.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "client/connection.hpp"
#include "recover/playbook.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;

constexpr std::size_t kShownBytesMax = 80;

std::string name_of(const Invariant& invariant) {
  const bool whole = invariant.sql.size() <= kShownBytesMax;
  return fmt::format("invariant {}: {}{}", invariant.database,
                     invariant.sql.substr(0, kShownBytesMax), whole ? "" : " ...");
}

Answer answer_of(const client::Rows& rows) {
  Answer answer;
  answer.any_row = rows.size() > 0;
  if (!answer.any_row || rows.columns() == 0) return answer;
  if (const auto value = rows.text(0, 0)) answer.value = std::string(*value);
  return answer;
}

Task<client::DbResult<Answer>> ask(client::Connection* session, std::string sql,
                                   SteadyTime deadline) {
  auto begin = fmt::format("begin transaction read only; set local statement_timeout = {}",
                           std::chrono::duration_cast<Millis>(kInvariantPatience).count());
  const auto begun = co_await session->execute(std::move(begin), deadline);
  if (!begun) co_return fail(begun.error());
  auto declare = "declare pgkeel_invariant no scroll cursor for " + sql;
  const auto declared = co_await session->query(std::move(declare), {}, deadline);
  if (!declared) co_return fail(declared.error());
  const auto rows = co_await session->execute("fetch 1 from pgkeel_invariant", deadline);
  if (!rows) co_return fail(rows.error());
  co_return answer_of(*rows);
}

Task<client::DbResult<Answer>> evaluate(Services* services, const Invariant* invariant,
                                        SteadyTime deadline) {
  auto conninfo = services->senses.conninfo();
  conninfo.database = invariant->database;
  client::ConnectOptions options;
  options.deadline = deadline;
  options.application_name = "pgkeel invariant";
  options.connect_as = services->client_account;
  auto session = co_await client::Connection::open(services->loop, std::move(conninfo), options);
  if (!session) co_return fail(session.error());
  auto answer = co_await ask(&*session, invariant->sql, deadline);
  co_return answer;  // leaving ends the session, and the transaction with it
}

incident::Verification judged(const Invariant& invariant, const client::DbResult<Answer>& answer) {
  incident::Verification check{wall_now(), name_of(invariant), false, {}};
  if (!answer) {
    check.note = "cannot be asked: " + answer.error().error.message();
    return check;
  }
  const auto why_not = objection(invariant.expectation, *answer);
  check.passed = !why_not;
  check.note = why_not ? fmt::format("{}, expected {}", *why_not, invariant.wanted)
                       : fmt::format("as expected: {}", invariant.wanted);
  return check;
}

}  // namespace

Task<std::vector<incident::Verification>> check_invariants(Services* services) {
  const auto end = services->loop.after(kInvariantsPatience);
  std::vector<incident::Verification> checks;
  for (const auto& invariant : services->invariants) {
    const auto deadline = std::min(end, services->loop.after(kInvariantPatience));
    const auto answer = co_await evaluate(services, &invariant, deadline);
    checks.push_back(judged(invariant, answer));
  }
  co_return checks;
}

}  // namespace pgkeel::recover
