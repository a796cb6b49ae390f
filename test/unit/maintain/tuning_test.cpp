// The table of settings against what servers have.
#include "maintain/tuning.hpp"

#include <gmock/gmock.h>

namespace pgkeel::maintain {
namespace {

using testing::Contains;
using testing::Field;
using testing::IsEmpty;

constexpr int kVersion15 = 150'004;
constexpr int kVersion13 = 130'010;

ServerSettings server_with(const std::string& name, Setting setting, int version = kVersion15) {
  ServerSettings server;
  server.version = version;
  if (setting.shown.empty()) setting.shown = setting.value;
  if (setting.context.empty()) setting.context = "sighup";
  server.settings.emplace(name, std::move(setting));
  return server;
}

std::vector<Proposal> of(const std::string& name, const std::string& value,
                         const std::string& source = "configuration file") {
  return propose(server_with(name, {.value = value, .source = source}));
}

TEST(Tuning, ProposesWhatIsMissingAndLeavesWhatWillDo) {
  // Goal: A7 B5: each kind of judgement, met and not met.
  EXPECT_THAT(of("log_statement", "none"), Contains(Field(&Proposal::wanted, "ddl")));
  EXPECT_THAT(of("log_statement", "ddl"), IsEmpty());
  EXPECT_THAT(of("log_min_duration_statement", "-1"), Contains(Field(&Proposal::wanted, "1s")));
  EXPECT_THAT(of("log_min_duration_statement", "0"), IsEmpty());
  EXPECT_THAT(of("tcp_keepalives_idle", "7200", "default"),
              Contains(Field(&Proposal::wanted, "60")));
  EXPECT_THAT(of("tcp_keepalives_idle", "7200"), IsEmpty());
  EXPECT_THAT(of("idle_in_transaction_session_timeout", "0"),
              Contains(Field(&Proposal::wanted, "10min")));
  EXPECT_THAT(of("idle_in_transaction_session_timeout", "60000"), IsEmpty());
  EXPECT_THAT(of("superuser_reserved_connections", "0"), Contains(Field(&Proposal::wanted, "3")));
  EXPECT_THAT(of("wal_level", "minimal"), Contains(Field(&Proposal::wanted, "replica")));
  EXPECT_THAT(of("wal_level", "logical"), IsEmpty());
}

TEST(Tuning, KnowsAPrefixThatSaysTheSame) {
  // Goal: A7: other separators and another form of the time are as good; a part that lacks is not.
  EXPECT_THAT(of("log_line_prefix", "%t [%p]: state=%e,user=%u,db=%d,app=%a "), IsEmpty());
  EXPECT_THAT(of("log_line_prefix", "%m [%p] %q%u@%d "),
              Contains(Field(&Proposal::wanted, "%m [%p] %e %q%u@%d,app=%a ")));
}

TEST(Tuning, EnglishIsEnglishAnywhere) {
  // Goal: A7: only messages in another language are proposed to change.
  for (const auto* locale : {"C", "C.UTF-8", "POSIX", "en_GB.UTF-8", ""})
    EXPECT_THAT(of("lc_messages", locale), IsEmpty()) << locale;
  EXPECT_THAT(of("lc_messages", "de_DE.UTF-8"), Contains(Field(&Proposal::wanted, "C")));
}

TEST(Tuning, LeavesTheCommandLineAndChoicesToPeople) {
  // Goal: B5: what outranks ALTER SYSTEM, and what is a choice, is never applied.
  EXPECT_EQ(of("log_statement", "none", "command line").front().kind, Proposal::Kind::Elsewhere);
  EXPECT_EQ(of("log_statement", "none", "user").front().kind, Proposal::Kind::Elsewhere);
  EXPECT_EQ(of("synchronous_commit", "off").front().kind, Proposal::Kind::Choose);
  EXPECT_EQ(of("fsync", "off").front().kind, Proposal::Kind::Apply);
}

TEST(Tuning, PreloadsOnlyWhatIsInstalled) {
  // Goal: B14: a library that is not there would keep the server down; others stay in the list.
  auto server =
      server_with("shared_preload_libraries",
                  {.value = "auto_explain", .context = "postmaster", .source = "default"});
  EXPECT_THAT(propose(server), IsEmpty());
  server.has_statements = true;
  const auto proposals = propose(server);
  ASSERT_EQ(proposals.size(), 1U);
  EXPECT_TRUE(proposals.front().restart);
  EXPECT_EQ(statement_for(proposals.front()),
            "ALTER SYSTEM SET shared_preload_libraries = 'auto_explain', 'pg_stat_statements'");
  auto odd = proposals.front();
  odd.wanted = "auto_explain , \"$libdir/x\",, pg_stat_statements";
  EXPECT_EQ(statement_for(odd),
            "ALTER SYSTEM SET shared_preload_libraries = 'auto_explain', '$libdir/x', "
            "'pg_stat_statements'");
  server.settings["shared_preload_libraries"].pending_restart = true;
  EXPECT_THAT(propose(server), IsEmpty());
}

TEST(Tuning, NeverLeavesAServerThatCannotStart) {
  // Goal: B5: WAL senders with wal_level minimal are refused at the start: the level comes first.
  auto server = server_with("max_wal_senders", {.value = "0", .source = "configuration file"});
  server.settings["wal_level"] = {.value = "minimal", .source = "command line"};
  for (const auto& one : propose(server)) EXPECT_NE(one.name, "max_wal_senders");
  server.settings["wal_level"].value = "replica";
  EXPECT_THAT(propose(server), Contains(Field(&Proposal::name, "max_wal_senders")));
}

TEST(Tuning, AsksOnlyWhatTheMajorHas) {
  // Goal: B5: a setting of 14 is not proposed to 13, were it listed.
  const Setting off{.value = "0", .source = "default"};
  EXPECT_THAT(propose(server_with("client_connection_check_interval", off, kVersion13)), IsEmpty());
  EXPECT_EQ(propose(server_with("client_connection_check_interval", off)).size(), 1U);
}

TEST(Tuning, SaysWhatTakesItBack) {
  // Goal: A7: a default is reset, a value that was chosen is set again, quoted.
  const auto proposal = of("log_statement", "none").front();
  EXPECT_EQ(statement_back(proposal, {.value = "none", .shown = "none", .source = "default"}),
            "ALTER SYSTEM RESET log_statement");
  EXPECT_EQ(
      statement_back(proposal, {.value = "o'x", .shown = "o'x", .source = "configuration file"}),
      "ALTER SYSTEM SET log_statement = 'o''x'");
}

}  // namespace
}  // namespace pgkeel::maintain
