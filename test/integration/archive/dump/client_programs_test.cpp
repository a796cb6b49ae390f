// Which pg_dump is taken, and what is said on its command line.
#include "archive/dump/client_programs.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "pg/control_file.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::archive {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

/// A directory with a pg_dump that calls itself so.
void stand_in(const fs::path& dir, const std::string& version) {
  std::ofstream(dir / "pg_dump") << "#!/bin/sh\necho 'pg_dump (PostgreSQL) " << version << "'\n";
  fs::permissions(dir / "pg_dump", fs::perms(0755));
}

TEST(ClientPrograms, AreNeverOlderThanTheServer) {
  // Goal: the preferred directory is passed over when its pg_dump is too old, and taken when it is
  // new enough; when none is, the error names the package (A10 D11).
  const test::TempDir dir;
  stand_in(dir.path(), "9.6.24");
  const auto found = find_client_programs(pg::kMajorMin, dir.path());
  if (found) {
    EXPECT_NE(found->place.dir, dir.path());
    EXPECT_GE(found->major, pg::kMajorMin);
  }
  stand_in(dir.path(), "99.1");
  const auto newer = find_client_programs(pg::kMajorMax, dir.path());
  ASSERT_TRUE(newer) << newer.error().message();
  EXPECT_EQ(newer->place.dir, dir.path());
  EXPECT_EQ(newer->version, "pg_dump (PostgreSQL) 99.1");
  const auto none = find_client_programs(100, dir.path());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::MissingBinary);
  EXPECT_THAT(none.error().hint(), HasSubstr("postgresql-client-100"));
}

TEST(ClientPrograms, SayNoSecretOnTheirCommandLine) {
  // Goal: whoever lists processes sees neither the password nor the key's (B13).
  DumpServer server;
  server.conninfo =
      pg::parse_conninfo("host=db user=app password=s3cret sslkey=/k sslpassword=als0secret")
          .value();
  const auto spec = client_process({{"/usr/bin", {}}, "", 15}, "pg_dump", server, "sh op");
  for (const auto& word : spec.argv) EXPECT_THAT(word, Not(HasSubstr("secret"))) << word;
  EXPECT_THAT(spec.argv, testing::Contains(HasSubstr("dbname='sh op'")));
  EXPECT_THAT(spec.environment, testing::Contains(testing::Pair("PGPASSWORD", "s3cret")));
}

}  // namespace
}  // namespace pgkeel::archive
