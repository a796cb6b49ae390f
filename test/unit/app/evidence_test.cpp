// The evidence of an incident, and above all what must not be in it.
#include "app/guard/evidence.hpp"

#include <gmock/gmock.h>

#include "app/guard/evidence_keeper.hpp"
#include "unit/app/config_text.hpp"

namespace pgkeel::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

constexpr const char* kSecret = "h0rse-battery";
const WallTime kWall = *parse_iso8601("2026-11-21T10:00:00Z");

sense::Observation observation() {
  sense::Observation seen;
  auto& facts = seen.hosting.facts.emplace();
  facts.name = "pg";
  facts.exists = true;
  facts.container.name = "pg";
  facts.container.environment = {{"POSTGRES_PASSWORD", kSecret},
                                 {"PGDATA", "/var/lib/postgresql/data"},
                                 {"SENTRY_DSN", "https://0123456789abcdef@sentry.example/1"},
                                 {"HARMLESS", "hidden-all-the-same"}};
  seen.login.note = std::string("password ") + kSecret + " was refused";
  seen.files.config_error = "in conninfo postgresql://app:uri-secret@db/shop";
  seen.server_log.entries = {{pg::Signature::Ready, std::string("said ") + kSecret}};
  seen.hosting.words = {{{}, std::string("container pg: die ") + kSecret}};
  return seen;
}

TEST(Evidence, HoldsNoSecretOfConninfoEnvironmentConfigurationOrLog) {
  // Goal: X10 C2: whatever the way in, by value and by shape, nothing of it comes out.
  const auto seen = observation();
  const auto secrets = known_secrets(seen, {"conninfo-secret", "", "ab"});
  EvidenceParts parts{"2026-11-21-001", kWall, {}, seen, {}, secrets};
  parts.settings = {{"/etc/postgresql.conf",
                     "# a comment with comment-secret\n  port = 5433 # x\n"
                     "primary_conninfo = 'host=a password=setting-secret user=r'\n"
                     "ssl_passphrase_command = 'echo phrase-secret'\n"
                     "log_directory = 'conninfo-secret'\n",
                     0600, 0, 0},
                    {"/etc/pg_hba.conf",
                     "host all all all ldap ldapbindpasswd=\"hba-secret\"\n"
                     "host all all all radius radiussecrets=\"radius-secret\"\n",
                     0600, 0, 0}};
  auto document = evidence_json(parts);
  document["server_log"] = evidence_log(
      pg::ServerLogFormat::Stderr,
      std::string("2026-11-21 10:00:00 UTC [1] LOG:  connected with ") + kSecret +
          "\n2026-11-21 10:00:00 UTC [1] ERROR:  duplicate key\n"
          "2026-11-21 10:00:00 UTC [1] DETAIL:  Key (mail)=(user-secret) exists\n"
          "2026-11-21 10:00:00 UTC [1] STATEMENT:  insert into t\n\tvalues ('statement-secret')\n"
          "2026-11-21 10:00:01 UTC [1] LOG:  ALTER ROLE a PASSWORD 'role-secret'\n"
          "2026-11-21 10:00:02 UTC [1] LOG:  checkpoint starting: time\n",
      secrets);
  const auto text = document.dump();
  for (const auto* secret :
       {kSecret, "conninfo-secret", "uri-secret", "comment-secret", "setting-secret",
        "phrase-secret", "hba-secret", "radius-secret", "user-secret", "statement-secret",
        "role-secret", "0123456789abcdef", "hidden-all-the-same"})
    EXPECT_THAT(text, Not(HasSubstr(secret)));
  for (const auto* kept : {"/var/lib/postgresql/data", "port = 5433", "duplicate key",
                           "checkpoint starting", "container pg: die", "2026-11-21-001"})
    EXPECT_THAT(text, HasSubstr(kept));
}

std::vector<std::string> log_lines(pg::ServerLogFormat format, const std::string& log) {
  return evidence_log(format, log, {});
}

constexpr const char* kCsvHead =
    "2026-11-21 10:00:00.000 UTC,\"app\",\"shop\",77,\"[local]\",65.1,1,\"INSERT\",2026-11-21 "
    "09:00:00 UTC,3/4,0,";

TEST(Evidence, LogOfCsvShowsNoStatementAndNoValue) {
  // Goal: X10 C2: detail, context and query of a record stay out, also of one cut at its front,
  // also in another language.
  const std::string log =
      "values ('head-secret')\",,,\"app\",\"client backend\",,0\n" + std::string(kCsvHead) +
      "ERROR,23505,\"duplicate key\",\"Key (mail)=(detail-secret)\",,,,\"context-secret\",\n"
      "\"insert into t\n2026-11-21 values ('query-secret')\",,,\"app\",\"client backend\",,0\n" +
      kCsvHead + "LOG,00000,\"Dauer: 3 ms  Anweisung: select 'slow-secret'\",,,,,,,,,\"app\"\n" +
      kCsvHead + "FEHLER,22P02,\"ung\u00fcltig: \"\"value-secret\"\"\",,,,,,,,,\"app\"\n";
  EXPECT_THAT(log_lines(pg::ServerLogFormat::Csv, log),
              ElementsAre("2026-11-21T10:00:00.000Z [77] error: 23505: duplicate key",
                          "2026-11-21T10:00:00.000Z [77] log: 00000: Dauer: 3 ms  Anweisung: ...",
                          "2026-11-21T10:00:00.000Z [77] 22P02: ungültig ..."));
}

TEST(Evidence, LogOfJsonShowsNoStatementAndNoValue) {
  // Goal: X10 C2: of an object only what tells of the server; a piece of one is left out.
  const std::string log =
      "head-secret', 5)\"}\n"
      R"x({"timestamp":"2026-11-21 10:00:00.000 UTC","pid":77,"error_severity":"ERROR",)x"
      R"x("state_code":"23505","message":"duplicate key","detail":"Key (mail)=(detail-secret)",)x"
      R"x("context":"context-secret","statement":"insert into t values ('query-secret')"})x"
      "\n"
      R"x({"timestamp":"2026-11-21 10:00:01.000 UTC","pid":77,"error_severity":"LOG",)x"
      R"x("message":"duration: 3.5 ms  execute <unnamed>: foo 'slow-secret'"})x"
      "\n";
  EXPECT_THAT(log_lines(pg::ServerLogFormat::Json, log),
              ElementsAre("2026-11-21T10:00:00.000Z [77] error: 23505: duplicate key",
                          "2026-11-21T10:00:01.000Z [77] log: duration: 3.5 ms ..."));
}

TEST(Evidence, LogInAnotherLanguageShowsNoStatement) {
  // Goal: X10 C2: ANWEISUNG is no word known here; what is not known stays out, what is stays in.
  const std::string log =
      "2026-11-21 10:00:00.000 UTC [9] LOG:  Checkpoint beginnt: time\n"
      "2026-11-21 10:00:00.000 UTC [7] FEHLER:  doppelter Schl\u00fcsselwert\n"
      "2026-11-21 10:00:00.000 UTC [7] DETAIL:  Schl\u00fcssel (mail)=(detail-secret)\n"
      "2026-11-21 10:00:00.000 UTC [7] ANWEISUNG:  insert into t\n\tvalues ('tab-secret')\n"
      "2026-11-21 10:00:00.000 UTC [7] LOG:  Anweisung: select 'said-secret'\n"
      "[7] ANWEISUNG:  select 'bare-secret'\n"
      "cp: cannot create regular file: No space left on device\n"
      "2026-11-21 10:00:01.000 UTC [7] ERROR:  syntax error at or near \"near-secret\"\n"
      "2026-11-21 10:00:02.000 UTC [8] FATAL:  zu viele Verbindungen\n";
  EXPECT_THAT(log_lines(pg::ServerLogFormat::Stderr, log),
              ElementsAre("2026-11-21T10:00:00.000Z [9] log: Checkpoint beginnt: time",
                          "2026-11-21T10:00:00.000Z [7] log: Anweisung: ...",
                          "cp: cannot create regular file: No space left on device",
                          "2026-11-21T10:00:01.000Z [7] error: syntax error at or near  ...",
                          "2026-11-21T10:00:02.000Z [8] fatal: zu viele Verbindungen"));
}

TEST(Evidence, LogBegunWithinAStatementShowsNothingOfIt) {
  // Goal: X10 C2: the tail of a log begins anywhere: in a line, in the lines of a statement.
  const std::string rest =
      "\tvalues ('tab-secret')\n\t, ('more-secret')\n"
      "2026-11-21 10:00:00.000 UTC [1] LOG:  checkpoint starting: time\n";
  const auto whole = ElementsAre("2026-11-21T10:00:00.000Z [1] log: checkpoint starting: time");
  EXPECT_THAT(log_lines(pg::ServerLogFormat::Stderr, rest), whole);
  EXPECT_THAT(log_lines(pg::ServerLogFormat::Stderr, "cut-secret'\n" + rest), whole);
  EXPECT_THAT(log_lines(pg::ServerLogFormat::Stderr, "STATEMENT:  x 'y-secret'\n" + rest), whole);
  const std::string large(kEvidenceLogBytes, 'x');
  EXPECT_THAT(log_lines(pg::ServerLogFormat::Stderr, large + "ERROR:  cut-secret\n" + rest), whole);
}

TEST(Evidence, ASecretAcrossACutIsMaskedWhole) {
  // Goal: X10: texts, files and logs are cut; no half of a secret is left at the edge.
  for (std::size_t before = 1'980; before < 2'000; ++before) {
    sense::Observation seen;
    seen.login.note = std::string(before, 'x') + kSecret;
    EvidenceParts parts{"2026-11-21-001", kWall, {}, seen, {}, {kSecret}};
    EXPECT_THAT(evidence_json(parts).dump(), Not(HasSubstr("xh0"))) << before;
  }
  sense::Observation seen;
  EvidenceParts parts{"2026-11-21-001", kWall, {}, seen, {}, {kSecret}};
  parts.settings = {
      {"/x", "a = " + std::string(kEvidenceSettingsBytes - 10, '\n') + kSecret, 0600, 0, 0}};
  EXPECT_THAT(evidence_json(parts).dump(), Not(HasSubstr("h0")));
  // The front of what is read of the log falls behind "h0rse".
  const std::string log = "LOG:  h0rse-battery\nLOG:  " + std::string(kEvidenceLogBytes, 'y');
  EXPECT_THAT(evidence_log(pg::ServerLogFormat::Stderr,
                           std::string(log).substr(0, kEvidenceLogBytes + 11), {kSecret})
                  .dump(),
              Not(HasSubstr("battery")));
}

TEST(Evidence, CommandsOfTheOperatorsAreMaskedWhateverTheirCase) {
  // Goal: X10: settings that are commands may hold any secret in any shape.
  sense::Observation seen;
  EvidenceParts parts{"2026-11-21-001", kWall, {}, seen, {}, {}};
  parts.settings = {{"/x",
                     "SSL_Passphrase_Command = 'echo one-secret'\n"
                     "archive_command='put --key two-secret %p'\n"
                     "  Restore_Command 'get three-secret'\nport = 5433\n",
                     0600, 0, 0}};
  const auto text = evidence_json(parts)["settings"].dump();
  EXPECT_THAT(text, Not(HasSubstr("-secret")));
  EXPECT_THAT(text, HasSubstr("Restore_Command = ********"));
  EXPECT_THAT(text, HasSubstr("port = 5433"));
}

TEST(Evidence, KnowsTheSecretsOfTheConfigurationAndOfItsFiles) {
  // Goal: X10: what only a file holds is known by its value too.
  const ConfigDir dir;
  const auto file = [&dir](std::string_view name, std::string_view text) {
    dir.write(name, text);
    return dir.path() / name;
  };
  Config config;
  config.application.password = "inline";
  config.application.password_file = file("password", "of the file\r\n");
  config.http.token_file = file("token", "  http-token\n");
  config.archive.store.credentials_file = file("s3", "access\nsecret\n");
  config.archive.offsite.credentials_file = dir.path() / "missing";
  config.alerts.resize(2);
  config.alerts[0].url = "https://hook/token";
  config.alerts[1].token_file = file("telegram", "12:bot");
  EXPECT_THAT(secrets_of(config), IsSupersetOf({"inline", "of the file", "http-token", "access",
                                                "secret", "https://hook/token", "12:bot"}));
}

TEST(Evidence, IsBoundedWhateverGoesIn) {
  // Goal: X5: endless lines, endless logs, binary, a file without line ends.
  sense::Observation seen;
  seen.login.note = std::string(1U << 20U, 'x');
  EvidenceParts parts{"2026-11-21-001", kWall, {}, seen, {}, {}};
  parts.settings = {{"/x", std::string(1U << 20U, '\xff'), 0600, 0, 0}};
  EXPECT_LT(evidence_json(parts).dump(-1, ' ', false, Json::error_handler_t::replace).size(),
            100'000U);
  std::string log;
  for (int i = 0; i < 100'000; ++i) log += "LOG:  x\n";
  log += "LOG:  the last\n";
  const auto lines = evidence_log(pg::ServerLogFormat::Stderr, log, {});
  EXPECT_EQ(lines.size(), 2'000U);
  EXPECT_EQ(lines.back(), "log: the last");
  EXPECT_TRUE(evidence_log(pg::ServerLogFormat::Stderr, "", {}).empty());
}

TEST(Evidence, AShortPasswordTearsNothingApart) {
  // Goal: a secret of two letters is left to its shape; a secret within another is masked whole.
  EXPECT_EQ(scrubbed("abcabc", known_secrets({}, {"ab", "abcabc", "abc"})), "********");
  EXPECT_EQ(scrubbed("about", known_secrets({}, {"ab"})), "about");
}

TEST(Evidence, OfAnApplicationsLogKeepsTheTroubleAndNotTheWords) {
  // Goal: A5 C2: what the application saw is beside the rest, newest last, without its words.
  sense::AppLog log;
  log.path = "/srv/bot.log";
  log.events = {{kWall, sense::AppTrouble::Refused, "could not connect for user-secret"},
                {std::nullopt, sense::AppTrouble::MissingRelation, "select user-secret"}};
  const auto kept = evidence_app_log(log);
  EXPECT_THAT(kept.dump(), Not(HasSubstr("user-secret")));
  ASSERT_EQ(kept.at("troubles").size(), 2U);
  EXPECT_EQ(kept.at("troubles").at(0).at("at"), to_iso8601(kWall));
  EXPECT_EQ(kept.at("troubles").at(1).at("trouble"), "missing_relation");
  EXPECT_FALSE(kept.at("cut").get<bool>());
}

}  // namespace
}  // namespace pgkeel::app
