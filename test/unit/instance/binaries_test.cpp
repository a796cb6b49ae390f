#include "instance/binaries.hpp"

#include <gmock/gmock.h>

namespace pgkeel::instance {
namespace {

TEST(ServerVersion, IsReadFromEveryKindOfLine) {
  // Goal: packages, releases, betas and builds from source all tell their major.
  EXPECT_EQ(parse_server_version("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), 15);
  EXPECT_EQ(parse_server_version("postgres (PostgreSQL) 18beta1\n"), 18);
  EXPECT_EQ(parse_server_version("postgres (PostgreSQL) 17devel"), 17);
}

TEST(ServerVersion, IsNotGuessed) {
  // Goal: another program's words are Malformed.
  for (const char* text : {"", "mysqld  Ver 8.0", "postgres (PostgreSQL) x"}) {
    const auto version = parse_server_version(text);
    ASSERT_FALSE(version);
    EXPECT_EQ(version.error().code, ErrorCode::Malformed);
  }
}

TEST(BinDir, NamesWhereItLooked) {
  // Goal: a missing major is one line that says which directories were tried.
  const auto found = find_bin_dir(9);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::MissingBinary);
  EXPECT_THAT(found.error().detail, testing::HasSubstr("/usr/lib/postgresql/9/bin"));
}

}  // namespace
}  // namespace pgkeel::instance
