// The evidence of an incident, and above all what must not be in it.
#include "app/guard/evidence.hpp"

#include <gmock/gmock.h>

namespace pgkeel::app {
namespace {

using testing::HasSubstr;
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
  EXPECT_LE(evidence_log(log, {}).size(), 2'000U);
  EXPECT_TRUE(evidence_log("", {}).empty());
}

TEST(Evidence, AShortPasswordTearsNothingApart) {
  // Goal: a secret of two letters is left to its shape; a secret within another is masked whole.
  EXPECT_EQ(scrubbed("abcabc", known_secrets({}, {"ab", "abcabc", "abc"})), "********");
  EXPECT_EQ(scrubbed("about", known_secrets({}, {"ab"})), "about");
}

}  // namespace
}  // namespace pgkeel::app
