#include "client/replication_hint.hpp"

#include <gmock/gmock.h>

namespace pgkeel::client {
namespace {

using testing::HasSubstr;

pg::Conninfo over_tcp() {
  pg::Conninfo conninfo;
  conninfo.host = "db1";
  conninfo.user = "backup";
  return conninfo;
}

TEST(ReplicationHint, IsTheLineToAddWithTheAddressTheServerSees) {
  // Goal: a missing pg_hba.conf entry is answered with the exact line, in any language.
  const ConnectRefusal english{
      "28000",
      "no pg_hba.conf entry for replication connection from host \"10.0.0.7\", user \"backup\", "
      "SSL off"};
  EXPECT_THAT(replication_hint(english, over_tcp()),
              HasSubstr(": host replication backup 10.0.0.7/32 scram-sha-256"));
  const ConnectRefusal german{
      "28000", "kein pg_hba.conf-Eintrag für Replikationsverbindung von Host »fe80::1«"};
  EXPECT_THAT(replication_hint(german, over_tcp()), HasSubstr("fe80::1/128"));
  EXPECT_THAT(replication_hint({"28000", "kein Eintrag"}, over_tcp()), HasSubstr("ADDRESS/32"));
  pg::Conninfo local = over_tcp();
  local.host = "/run/postgresql";
  EXPECT_THAT(replication_hint({"28000", "no"}, local), HasSubstr("local replication backup peer"));
}

TEST(ReplicationHint, NamesTheStatementForARoleWithoutTheRight) {
  // Goal: a role that may not replicate gets the one statement that allows it.
  EXPECT_THAT(replication_command_hint("42501", "we\"ird"),
              HasSubstr("ALTER ROLE \"we\"\"ird\" REPLICATION;"));
  EXPECT_THAT(replication_command_hint("55000", "x"), HasSubstr("wal_level"));
  EXPECT_EQ(replication_command_hint("42601", "x"), "");
  EXPECT_EQ(replication_hint({"28P01", "password"}, over_tcp()), "");
}

}  // namespace
}  // namespace pgkeel::client
