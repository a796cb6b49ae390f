// See application_setup.hpp.
#include "recover/application_setup.hpp"

#include <fmt/format.h>

#include "base/fault_point.hpp"
#include "base/log.hpp"
#include "recover/executor.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;

constexpr Seconds kLookPatience{5};
constexpr Seconds kMakePatience{30};  // CREATE DATABASE copies a template and checkpoints
constexpr std::string_view kFact = "application";

constexpr const char* kFacts =
    "select (select rolsuper from pg_roles where rolname = $1), "
    "(select pg_get_userbyid(datdba) from pg_database where datname = $2), "
    "rolsuper, rolcreaterole, rolcreatedb, "
    "current_setting('max_connections')::int "
    "- current_setting('superuser_reserved_connections')::int "
    "- coalesce(current_setting('reserved_connections', true)::int, 0), "
    "pg_is_in_recovery() from pg_roles where rolname = current_user";

// A verifier is no password, but the server's log is no place for it either.
constexpr const char* kKeepOutOfLog =
    "set log_statement = 'none'; set log_min_error_statement = 'panic'; "
    "set log_min_duration_statement = -1; set log_duration = off";

void died_here(std::string_view step, std::string_view place) {
  fault_point(fault_point_name("application", step, place));
}

Result<ApplicationFacts> facts_of(const client::Rows& rows) {
  if (rows.empty()) return fail(ErrorCode::Query, "the server does not show the guard's own role");
  TRY(standby, rows.boolean(0, 6));
  if (standby) return fail(ErrorCode::WrongState, "the server is a standby: nothing is made there");
  ApplicationFacts facts;
  if (rows.text(0, 0)) {
    TRY(superuser, rows.boolean(0, 0));
    facts.role_is_superuser = superuser;
  }
  if (const auto owner = rows.text(0, 1)) facts.database_owner = std::string(*owner);
  TRY(superuser, rows.boolean(0, 2));
  TRY(creates_roles, rows.boolean(0, 3));
  TRY(creates_databases, rows.boolean(0, 4));
  TRY(connections, rows.int64(0, 5));
  facts.superuser = superuser;
  facts.creates_roles = creates_roles;
  facts.creates_databases = creates_databases;
  facts.connections_max = static_cast<int>(connections);
  return facts;
}

// A refusal is proof that nothing was made; otherwise the next look tells.
void forget_intent(const client::DbError& error, Making& making) {
  if (error.outcome == client::Outcome::NotApplied) making = Making::Not;
}

// There now, and what was intended: then it is ours, whether or not we lived to see it made.
Making outcome(Making before, bool there) {
  if (!there) return before == Making::Intended ? Making::Not : before;
  if (before == Making::Intended) return Making::Made;
  return before == Making::Not ? Making::Found : before;
}

}  // namespace

// What the files say; a server without files is the one it was when the ledger learnt its name.
Result<std::string> ApplicationSetup::cluster() const {
  TRY(known, services_.ledger.identity());
  const auto control = services_.instance.inspect_data_dir().control;
  if (known && control && known->system_id != control->system_id)
    return fail(ErrorCode::WrongIdentity, "the cluster that is there is not the known one");
  if (control) return to_string(control->system_id);
  return known ? to_string(known->system_id) : std::string();
}

Result<void> ApplicationSetup::load_record() {
  TRY(here, cluster());
  TRY(fact, services_.ledger.fact(kFact));
  auto kept = parse_application_record(fact);
  if (kept && kept->is_of(here, wish_)) record_ = *std::move(kept);
  else record_ = {here, wish_.database, wish_.role, Making::Not, Making::Not, std::nullopt};
  return {};
}

Result<void> ApplicationSetup::remember() {
  return services_.ledger.set_fact(kFact, to_json(record_));
}

Task<Result<client::Connection>> ApplicationSetup::connect() {
  client::ConnectOptions options;
  options.deadline = services_.loop.after(kLookPatience);
  options.application_name = "pgkeel first start";
  options.connect_as = services_.client_account;
  // On the first start the guard's own receiver, which could confirm a commit, does not run yet. A
  // pooler before a server of somebody else may take no options.
  if (services_.instance.kind() == instance::Kind::Embedded)
    options.settings = {{"synchronous_commit", "local"}};
  auto opened = co_await client::Connection::open(services_.loop, services_.senses.conninfo(),
                                                  std::move(options));
  co_return client::plain(std::move(opened));
}

Task<Result<void>> ApplicationSetup::look_with(client::Connection* session) {
  CO_TRY_VOID(load_record());
  client::Params names;
  names.emplace_back(wish_.role);
  names.emplace_back(wish_.database);
  auto answer =
      co_await session->query(kFacts, std::move(names), services_.loop.after(kLookPatience));
  if (!answer) co_return fail(client::to_error(std::move(answer).error()));
  CO_TRY(facts, facts_of(*answer));
  facts_ = std::move(facts);
  items_ = describe(wish_, facts_, record_);
  co_return Result<void>();
}

Task<Result<void>> ApplicationSetup::look() {
  CO_TRY(session, co_await connect());
  auto looked = co_await look_with(&session);
  co_return looked;
}

Task<Result<void>> ApplicationSetup::make() {
  CO_TRY_VOID(check_names(wish_));
  CO_TRY(session, co_await connect());
  CO_TRY_VOID(co_await look_with(&session));
  if (done()) co_return Result<void>();
  CO_TRY_VOID(check_rights(wish_, facts_));
  record_.role_made = outcome(record_.role_made, facts_.role_is_superuser.has_value());
  record_.database_made = outcome(record_.database_made, facts_.database_owner.has_value());
  CO_TRY_VOID(co_await make_role(&session));
  CO_TRY_VOID(co_await make_database(&session));
  record_.done_at = wall_now();
  CO_TRY_VOID(remember());
  auto looked = co_await look_with(&session);
  co_return looked;
}

Task<Result<void>> ApplicationSetup::make_role(client::Connection* session) {
  if (record_.role_made != Making::Not) co_return Result<void>();
  CO_TRY(password, read_password_());
  CO_TRY(verifier, session->password_verifier(wish_.role, password));
  CO_TRY(sql, create_role_sql(wish_, facts_, verifier));
  if (facts_.superuser) {
    auto quiet = co_await session->execute(kKeepOutOfLog, services_.loop.after(kLookPatience));
    if (!quiet) co_return fail(client::to_error(std::move(quiet).error()));
  }
  record_.role_made = Making::Intended;
  CO_TRY_VOID(remember());
  died_here("make_role", "intended");
  auto made = co_await session->execute(std::move(sql), services_.loop.after(kMakePatience));
  if (!made) {
    forget_intent(made.error(), record_.role_made);
    CO_TRY_VOID(remember());
    co_return fail(client::to_error(std::move(made).error()));
  }
  died_here("make_role", "acted");
  record_.role_made = Making::Made;
  CO_TRY_VOID(remember());
  died_here("make_role", "journaled");
  log_info("application role made",
           {{"role", wish_.role}, {"connection_limit", connection_limit(wish_, facts_)}});
  for (const auto& [name, value] : role_settings(wish_))
    log_info("application role setting",
             {{"role", wish_.role}, {"setting", name}, {"value", value}});
  co_return Result<void>();
}

Task<Result<void>> ApplicationSetup::make_database(client::Connection* session) {
  if (record_.database_made != Making::Not) co_return Result<void>();
  CO_TRY(sql, create_database_sql(wish_));
  record_.database_made = Making::Intended;
  CO_TRY_VOID(remember());
  died_here("make_database", "intended");
  auto made = co_await session->execute(std::move(sql), services_.loop.after(kMakePatience));
  if (!made) {
    forget_intent(made.error(), record_.database_made);
    CO_TRY_VOID(remember());
    co_return fail(client::to_error(std::move(made).error()));
  }
  died_here("make_database", "acted");
  record_.database_made = Making::Made;
  CO_TRY_VOID(remember());
  died_here("make_database", "journaled");
  log_info("application database made", {{"database", wish_.database}, {"owner", wish_.role}});
  co_return Result<void>();
}

}  // namespace pgkeel::recover
