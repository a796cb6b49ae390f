// The function that the gateway asks for verifiers: who may call it, what it hands out, and that
// nobody gets between. Every major, real servers.
#include <gmock/gmock.h>

#include "gateway/credentials/verifier_row.hpp"
#include "integration/maintain/protected_server.hpp"

namespace pgkeel::test {
namespace {

using maintain::GatewayRoles;
using testing::HasSubstr;
using testing::StartsWith;
using State = maintain::Protection::State;

class GatewayVerifierTest : public ProtectedServer {
 protected:
  void SetUp() override {
    ProtectedServer::SetUp();
    if (IsSkipped()) return;
    server_->query("set password_encryption = 'scram-sha-256'; alter role app password 'secret'");
    stored_ = server_->query("select rolpassword from pg_authid where rolname = 'app'");
  }
  void grant(GatewayRoles roles = GatewayRoles::Ordinary) {
    const auto now = run(maintain::grant_gateway(&access_, "shop", roles));
    if (!now) throw std::runtime_error(now.error().message());
  }
  /// What the gateway asks, of one user, with its columns in one text; empty: no row.
  static std::string question(const std::string& user) {
    std::string sql(gateway::kVerifierQuery);
    sql.replace(sql.find("$1"), 2, "'" + user + "'");
    return "select coalesce(verifier, 'none') || ' ' || coalesce(valid_until::text, 'ever') || ' ' "
           "|| can_login from (" +
           sql + ") answer";
  }

  std::string stored_;
};

TEST_P(GatewayVerifierTest, HandsOutWhatOrdinaryRolesHave) {
  // Goal: hazard 6: verifier, time and right to log in, also of a role whose time is over; no row
  // for nobody; none of who cannot log in, is or can become a superuser, or replicates.
  switch_on();
  grant();
  server_->query(
      "create role late login password 'x' valid until '2020-01-01 00:00:00+00';"
      "create role never login password 'x' valid until 'infinity'; create role bare login;"
      "create role nologin password 'x'; create role root2 login superuser password 'x';"
      "create role heir login password 'x' in role root2;"
      "create role copier login replication password 'x'");
  auto gate = as("pgkeel_gateway");
  EXPECT_THAT(stored_, StartsWith("SCRAM-SHA-256$"));
  EXPECT_EQ(gate(question("app")), stored_ + " ever true");
  EXPECT_THAT(gate(question("late")), HasSubstr(" 1577836800 true"));
  EXPECT_THAT(gate(question("never")), HasSubstr(" ever true"));
  EXPECT_EQ(gate(question("bare")), "none ever true");
  EXPECT_EQ(gate(question("nologin")), "none ever false");
  for (const auto* guarded : {"root2", "heir", "copier"})
    EXPECT_EQ(gate(question(guarded)), "none ever true") << guarded;
  for (const auto* nobody : {"nobody", "", "APP"}) EXPECT_EQ(gate(question(nobody)), "") << nobody;
  EXPECT_EQ(gate(question(std::string(70, 'n'))), "");
  grant(GatewayRoles::All);
  for (const auto* guarded : {"root2", "heir", "copier"})
    EXPECT_NE(gate(question(guarded)), "none ever true") << guarded;
  grant();
  EXPECT_EQ(gate(question("root2")), "none ever true");
}

TEST_P(GatewayVerifierTest, AnswersNobodyElse) {
  // Goal: only the role made for it calls it, and that one can do nothing else.
  switch_on();
  EXPECT_EQ(as("app").state_of(question("app")), kRefused);
  grant();
  server_->query("create role watcher login in role pg_monitor, pg_read_all_settings");
  for (const auto* role : {"app", "watcher"})
    EXPECT_EQ(as(role).state_of(question("app")), kRefused) << role;
  auto gate = as("pgkeel_gateway");
  for (const auto* statement :
       {"select * from pg_authid", "create role other", "create schema s", "set role app",
        "alter role app password 'y'", "select pgkeel.drop_allowed()"})
    EXPECT_EQ(gate.state_of(statement), kRefused) << statement;
  // A GRANT of what one may not grant is a WARNING.
  EXPECT_EQ(gate.state_of("grant execute on function pgkeel.gateway_verifier(text) to app"), "");
  EXPECT_EQ(gate.state_of("grant usage on schema pgkeel to app"), "");
  EXPECT_EQ(as("app").state_of(question("app")), kRefused);
  EXPECT_EQ(gate.state_of("set pgkeel.gateway_roles = 'all'"), "");
  EXPECT_EQ(gate(question("postgres")), "none ever true") << "the function has its own";
}

TEST_P(GatewayVerifierTest, IsNobodysToHijack) {
  // Goal: hazard 5: CVE-2025-12819: who may create, and chooses the search_path of the gateway's
  // sessions, changes no answer and is never called.
  switch_on();
  grant();
  auto app = as("app");
  app("create schema evil; grant usage on schema evil to public;"
      "create table evil.called (by text); grant insert on evil.called to public;"
      "create table evil.pg_authid as select 'app'::name as rolname, 'evil'::text as rolpassword,"
      " true as rolcanlogin, false as rolsuper, false as rolreplication,"
      " null::timestamptz as rolvaliduntil, 1::oid as oid;"
      "grant select on evil.pg_authid to public;"
      "create function evil.current_setting(text) returns text language sql as"
      " $$ insert into evil.called values ('current_setting'); select 'all'::text $$;"
      "create function evil.same(name, name) returns boolean language sql as"
      " $$ insert into evil.called values ('same'); select true $$;"
      "create function evil.same(text, text) returns boolean language sql as"
      " $$ insert into evil.called values ('same'); select true $$;"
      "create operator evil.= (leftarg = name, rightarg = name, function = evil.same);"
      "create operator evil.= (leftarg = text, rightarg = text, function = evil.same);"
      "create domain evil.text as varchar;"
      "create schema gateway; create function gateway.gateway_verifier(text) returns text"
      " language sql as $$ insert into evil.called values ('gateway'); select 'evil'::text $$;"
      "alter database shop set search_path = evil, gateway, pg_catalog");
  auto gate = as("pgkeel_gateway");
  EXPECT_THAT(gate("show search_path"), StartsWith("evil"));
  const auto asked =
      std::string(gateway::kVerifierQuery).replace(gateway::kVerifierQuery.find("$1"), 2, "'app'");
  EXPECT_EQ(gate(asked), stored_);
  EXPECT_EQ(gate(std::string(asked).replace(asked.find("'app'"), 5, "'postgres'")), "");
  app("set search_path = pg_catalog");
  EXPECT_EQ(app("select pg_catalog.count(*) from evil.called"), "0");
}

TEST_P(GatewayVerifierTest, ComesAndGoesWithProtection) {
  // Goal: an installation that replaces an older one keeps what was granted; taking protection off
  // removes the function; what was granted then is not granted to the next one.
  EXPECT_EQ(run(maintain::grant_gateway(&access_, "shop", GatewayRoles::Ordinary)).error().code,
            ErrorCode::WrongState);
  switch_on();
  grant(GatewayRoles::All);
  server_->query("alter role postgres password 'x'");
  server_->query("comment on schema pgkeel is 'pgkeel protect 1'", "shop");
  EXPECT_EQ(run(maintain::look_at_protection(&access_, "shop"))->state, State::Older);
  switch_on();
  auto gate = as("pgkeel_gateway");
  EXPECT_EQ(gate(question("app")), stored_ + " ever true");
  EXPECT_NE(gate(question("postgres")), "none ever true");

  const auto revoked = run(maintain::revoke_gateway(&access_, "shop"));
  ASSERT_TRUE(revoked) << revoked.error().message();
  EXPECT_EQ(revoked->state, State::On);
  EXPECT_EQ(gate.state_of(question("app")), kRefused);
  grant();
  switch_off();
  EXPECT_EQ(server_->query("select count(*) from pg_namespace where nspname = 'pgkeel'", "shop"),
            "0");
  EXPECT_EQ(gate.state_of(question("app")), "3F000");
  switch_on();
  EXPECT_EQ(gate.state_of(question("app")), kRefused);
  switch_off();
  server_->query("drop role pgkeel_gateway");
}

TEST_P(GatewayVerifierTest, GrantsToNoRoleThatMayMore) {
  // Goal: a role of that name that somebody gave rights, or may become, is not let in.
  switch_on();
  server_->query("create role other");
  for (const auto& [give, take] :
       {std::pair("alter role pgkeel_gateway createdb", "alter role pgkeel_gateway nocreatedb"),
        std::pair("grant other to pgkeel_gateway", "revoke other from pgkeel_gateway"),
        std::pair("grant pgkeel_gateway to other", "revoke pgkeel_gateway from other")}) {
    grant();
    server_->query(give);
    const auto refused = run(maintain::grant_gateway(&access_, "shop", GatewayRoles::Ordinary));
    ASSERT_FALSE(refused) << give;
    EXPECT_THAT(refused.error().message(), HasSubstr("may do more than log in"));
    server_->query(take);
  }
  grant();
}

PGKEEL_FOR_EVERY_MAJOR(GatewayVerifierTest);

}  // namespace
}  // namespace pgkeel::test
